package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"posthorn/mail"
)

// Message is what one transaction carries: an envelope, and content that is
// ready for the wire (CRLF line ends only).
type Message struct {
	Envelope *mail.Envelope // To is not used
	Size     int64
	EightBit bool // octets above 127 anywhere
	UTF8     bool // a header section that only SMTPUTF8 allows
	// WriteTo writes the content; it is called once, after 354.
	WriteTo func(w io.Writer) error
}

// Send carries m to all of to in one transaction and gives a result for each,
// in order. The error is not nil when the session broke before the server had
// taken on anything, or when this server cannot be given the message at all (a
// mail.Reply, and the session goes on; with a server's 421 it does not): what the
// recipients without a reply of their own are told is then for the caller to
// say, and trying elsewhere cannot deliver twice.
// A connection that breaks after the final dot is not such an error but
// ConnectionLost for each, for nobody knows what the server did (RFC 1047).
func (c *Conn) Send(ctx context.Context, m *Message, to []mail.Recipient) ([]mail.Reply, error) {
	replies := make([]mail.Reply, len(to))
	if c.broken {
		return replies, errBroken
	}
	t := transaction{Conn: c, m: m, to: to, replies: replies}
	t.needUTF8()
	if refused := t.refuse(); refused.Code != 0 {
		return replies, refused
	}
	err := t.run(ctx)
	return replies, err
}

// errBroken: whatever a server says after it took its leave answers nothing.
var errBroken = errors.New("the session is over")

// transaction is one run of MAIL, RCPT and DATA.
type transaction struct {
	*Conn
	m       *Message
	to      []mail.Recipient
	replies []mail.Reply // zero: accepted so far, or not yet asked
	utf8    bool         // SMTPUTF8 is said
	badPath []bool       // non-ASCII, and the server cannot take it
}

// needUTF8 decides whether the transaction says SMTPUTF8 (RFC 6531 §3.5), and
// which recipients cannot be given to a server without it. A domain alone is no
// reason: it has an ASCII form.
func (t *transaction) needUTF8() {
	_, offered := t.Offers("SMTPUTF8")
	need := t.m.UTF8 || !asciiPath(t.m.Envelope.From)
	t.badPath = make([]bool, len(t.to))
	for i, r := range t.to {
		if !asciiPath(r.Path) {
			t.badPath[i] = !offered
			need = need || offered
		}
	}
	t.utf8 = need
}

func asciiPath(p mail.Path) bool { return mail.Path{Local: p.Local}.IsASCII() }

// refuse says why the message cannot go to this server at all; its zero value
// lets it pass.
func (t *transaction) refuse() mail.Reply {
	if _, offered := t.Offers("SMTPUTF8"); t.utf8 && !offered || !slices.Contains(t.badPath, false) {
		return mail.RemoteNeedsUTF8.With("The receiving server")
	}
	if t.m.Envelope.RequireTLS && !t.m.Envelope.From.IsNull() && !t.requiresTLS() {
		return mail.RequireTLSUnsupported.With("The receiving server")
	}
	limit, offered := t.Offers("SIZE")
	if n, err := strconv.ParseInt(limit, 10, 64); offered && err == nil && n > 0 && t.m.Size > n {
		return mail.TooBig.With(n)
	}
	return mail.Reply{}
}

// requiresTLS tells whether the transaction says REQUIRETLS. A report does where
// it can, and goes on where it cannot (RFC 8689 §5).
func (t *transaction) requiresTLS() bool {
	_, offered := t.Offers("REQUIRETLS")
	return t.m.Envelope.RequireTLS && offered && t.tls
}

// run speaks the commands: in one go where the server announces PIPELINING
// (RFC 2920), one after the other elsewhere.
func (t *transaction) run(ctx context.Context) error {
	lines := []string{"MAIL FROM:<" + t.path(t.m.Envelope.From) + ">" + t.mailParams()}
	var asked []int // index of the recipient of each RCPT line
	for i, r := range t.to {
		if t.badPath[i] {
			t.replies[i] = mail.RemoteNeedsUTF8.With("The receiving server")
			continue
		}
		lines = append(lines, "RCPT TO:<"+t.path(r.Path)+">"+t.rcptParams(r))
		asked = append(asked, i)
	}
	if _, ok := t.Offers("PIPELINING"); ok {
		return t.pipelined(ctx, lines, asked)
	}
	return t.stepwise(ctx, lines, asked)
}

func (t *transaction) stepwise(ctx context.Context, lines []string, asked []int) error {
	accepted := 0
	for i, line := range lines {
		reply, err := t.command(ctx, line)
		if err != nil {
			return err
		}
		if t.broken {
			return reply
		}
		if i == 0 && !reply.Positive() {
			fillAt(t.replies, asked, t.refusal(reply))
			t.Reset(ctx)
			return nil
		}
		if i > 0 && t.answered(asked[i-1], reply) {
			accepted++
		}
	}
	if accepted == 0 {
		t.Reset(ctx)
		return nil
	}
	if err := t.send(ctx, t.timeouts.DataInit, "DATA"); err != nil {
		return err
	}
	return t.data(ctx, accepted)
}

// pipelined sends all of the envelope and DATA at once. A hundred recipients
// are some 10 KiB, less than any socket buffer, so neither side can wait for
// the other to read; the caller sends no more at a time.
func (t *transaction) pipelined(ctx context.Context, lines []string, asked []int) error {
	if err := t.send(ctx, t.timeouts.Command, append(lines, "DATA")...); err != nil {
		return err
	}
	from, err := t.reply(ctx, t.timeouts.Command)
	if err != nil {
		return err
	}
	if t.broken {
		return from
	}
	accepted := 0
	for _, i := range asked {
		reply, err := t.reply(ctx, t.timeouts.Command)
		if err != nil {
			return err
		}
		if t.broken {
			return reply
		}
		if t.answered(i, reply) && from.Positive() {
			accepted++
		}
	}
	if !from.Positive() {
		fillAt(t.replies, asked, t.refusal(from))
	}
	return t.data(ctx, accepted)
}

// answered notes the reply to one RCPT and tells whether it was accepted.
func (t *transaction) answered(i int, reply mail.Reply) bool {
	if reply.Positive() {
		return true
	}
	t.replies[i] = t.refusal(reply)
	return false
}

// refusal is reply where an outcome is wanted. A 3yz to MAIL or RCPT is none.
func (t *transaction) refusal(reply mail.Reply) mail.Reply {
	if reply.Temporary() || reply.Permanent() {
		return reply
	}
	return mail.BadAnswer.With("The receiving server", reply.Error())
}

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
	if err := t.content(ctx); err != nil {
		if reply, early := t.lastWord(); early {
			t.concern(reply)
			return nil
		}
		return err
	}
	reply, err = t.reply(ctx, t.timeouts.DataDone)
	switch {
	case err != nil && errors.Is(err, ErrGarbled):
		reply = mail.BadAnswer.With("The receiving server", err.Error())
	case err != nil:
		reply = mail.ConnectionLost.With("the receiving server", "no answer to the end of the message: "+err.Error())
	case !reply.Positive():
		reply = t.refusal(reply)
	}
	t.concern(reply)
	return nil
}

// content writes the message, its dots stuffed, and the final dot.
func (t *transaction) content(ctx context.Context) error {
	w := newDotWriter(phaseWriter{t.Conn, ctx})
	err := t.m.WriteTo(w)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		// What was begun must not become a message: no dot was sent.
		return t.breakWith(fmt.Errorf("send content: %w", t.cause(ctx, err)))
	}
	return nil
}

// lastWord reads the refusal of a server that hung up in the middle of the
// content, as some do when it grows too large.
func (t *transaction) lastWord() (mail.Reply, bool) {
	t.conn.SetDeadline(time.Now().Add(t.timeouts.Quit))
	reply, err := readReply(t.r)
	return reply, err == nil && (reply.Temporary() || reply.Permanent())
}

// phaseWriter gives each block its own time (RFC 5321 §4.5.3.2.5).
type phaseWriter struct {
	c   *Conn
	ctx context.Context
}

func (w phaseWriter) Write(p []byte) (int, error) {
	defer w.c.within(w.ctx, w.c.timeouts.DataBlock)()
	return w.c.conn.Write(p)
}

// concern gives reply to all recipients who have none.
func (t *transaction) concern(reply mail.Reply) {
	for i := range t.replies {
		if t.replies[i].Code == 0 {
			t.replies[i] = reply
		}
	}
}

func fillAt(replies []mail.Reply, at []int, reply mail.Reply) {
	for _, i := range at {
		replies[i] = reply
	}
}
