package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"posthorn/mail"
)

// data reads the answer to DATA, which has been sent, and gives the content.
func (t *transaction) data(ctx context.Context, accepted int) error {
	reply, err := t.reply(ctx, t.timeouts.DataInit)
	switch {
	case err != nil:
		return err
	case t.broken:
		return reply
	case reply.Code != 354:
		if accepted > 0 { // else it is as it should be: nobody is left to send to
			t.concern(t.refusal(reply))
		}
		t.Reset(ctx)
		return nil
	case accepted == 0:
		// The server wants the content although it refused every recipient.
		// Only an empty message ends the transaction (RFC 2920 §3.1).
		_, err := t.command(ctx, ".")
		return err
	}
	if err := t.silent(); err != nil {
		return t.unwanted(err)
	}
	w := newDotWriter(phaseWriter{t.Conn, ctx})
	defer w.release()
	if err = t.m.WriteTo(w); err == nil {
		err = w.Close()
	}
	if err != nil {
		return t.interrupted(ctx, err)
	}
	t.concern(t.ending(ctx))
	return nil
}

// interrupted is what it means that the end of the content could not be sent, so
// that it is no message: the refusal of a server that hung up in the middle, as
// some do when it grows too large, and otherwise err.
func (t *transaction) interrupted(ctx context.Context, err error) error {
	err = t.breakWith(fmt.Errorf("send content: %w", t.cause(ctx, err)))
	t.conn.SetDeadline(time.Now().Add(t.timeouts.Quit))
	reply, e := readReply(t.r)
	if e != nil || !reply.Temporary() && !reply.Permanent() {
		return err
	}
	t.concern(reply)
	return nil
}

// unwanted is what it means that the server says something before it has the
// content: where that is a refusal, it is the outcome.
func (t *transaction) unwanted(err error) error {
	var refused mail.Reply
	if !errors.As(err, &refused) {
		return err
	}
	t.concern(refused)
	return nil
}

// ending reads the answer to the end of the message. Whatever goes wrong from
// here on, the server may have taken it (RFC 1047).
func (t *transaction) ending(ctx context.Context) mail.Reply {
	reply, err := t.reply(ctx, t.timeouts.DataDone)
	switch {
	case errors.Is(err, ErrGarbled):
		return mail.BadAnswer.With("The receiving server", err.Error())
	case err != nil:
		return mail.ConnectionLost.With("the receiving server", "no answer to the end of the message: "+err.Error())
	}
	return t.outcome(reply)
}

// outcome is reply where a message has been given: it is taken, or why not.
func (t *transaction) outcome(reply mail.Reply) mail.Reply {
	if reply.Positive() {
		return reply
	}
	return t.refusal(reply)
}

// phaseWriter gives each block its own time (RFC 5321 §4.5.3.2.5).
type phaseWriter struct {
	c   *Conn
	ctx context.Context
}

func (w phaseWriter) Write(p []byte) (int, error) {
	w.c.limit(w.ctx, w.c.timeouts.DataBlock)
	return w.c.conn.Write(p)
}
