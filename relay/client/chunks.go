package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"

	"posthorn/mail"
)

// CHUNKING (RFC 3030): a message up to chunkSize is one BDAT LAST, a larger one
// goes in chunks of that size, each answered before the next.
//
// RFC 3030 lets chunks be pipelined, with the envelope too. They are not: there
// are servers that refuse BDAT, because no recipient was accepted or for a chunk
// they refused before, and leave its octets unread. They would take what a
// stranger wrote into a message for commands of ours. So no chunk is sent that the
// server has reason to refuse, and one that does not know BDAT is hung up on.

// chunkSize is how much is sent before the server is asked whether it wants more.
const chunkSize = 1 << 20

// ErrChunking: the server offers CHUNKING and does not know BDAT. Nothing was
// taken on; a new session may do without (AvoidChunking).
var ErrChunking = errors.New("the server offers CHUNKING and does not know BDAT")

// chunks gives the content in chunks.
func (t *transaction) chunks(ctx context.Context) error {
	if err := t.silent(); err != nil {
		return t.unwanted(err)
	}
	w := newChunkWriter(t, ctx)
	defer w.release()
	t.lostChunk = true
	err := t.m.WriteTo(w)
	if err == nil {
		err = w.Close()
	}
	reply := w.refused
	switch {
	case err == nil:
		reply = t.ending(ctx)
	case reply.Code == 0:
		return t.interrupted(ctx, err)
	}
	if reply.Code >= 500 && reply.Code <= 504 {
		// It may be reading content for commands.
		return t.breakWith(fmt.Errorf("%w: %s", ErrChunking, reply))
	}
	t.lostChunk = t.broken && reply.Code != 421
	t.concern(t.outcome(reply))
	if w.refused.Code != 0 && !t.broken {
		t.Reset(ctx)
	}
	return nil
}

// chunkWriter cuts what is written to it into chunks. It wants as many octets as
// the message announced.
type chunkWriter struct {
	b       *bufio.Writer
	t       *transaction
	ctx     context.Context
	left    int64      // of the message
	room    int64      // in the chunk that is being sent
	chunks  int        // begun so far
	refused mail.Reply // what the server said to a chunk it did not take
}

var (
	errSize    = errors.New("the content has another size than was announced")
	errRefused = errors.New("a chunk was refused")
)

func newChunkWriter(t *transaction, ctx context.Context) *chunkWriter {
	return &chunkWriter{b: blocks(phaseWriter{t.Conn, ctx}), t: t, ctx: ctx, left: t.m.Size}
}

func (w *chunkWriter) release() { putBlocks(w.b) }

func (w *chunkWriter) Write(p []byte) (n int, err error) {
	if int64(len(p)) > w.left {
		return 0, errSize
	}
	for n < len(p) {
		if w.room == 0 {
			if err := w.next(); err != nil {
				return n, err
			}
		}
		k, err := w.b.Write(p[n : n+int(min(int64(len(p)-n), w.room))])
		n += k
		w.left -= int64(k)
		w.room -= int64(k)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// next begins a chunk, after the one before has been taken.
func (w *chunkWriter) next() error {
	if w.chunks > 0 {
		if err := w.b.Flush(); err != nil {
			return err
		}
		reply, err := w.t.reply(w.ctx, w.t.timeouts.DataDone)
		if err != nil {
			return err
		}
		if !reply.Positive() {
			w.refused = reply
			return errRefused
		}
	}
	w.chunks++
	w.room = min(w.left, chunkSize)
	line := "BDAT " + strconv.FormatInt(w.room, 10)
	if w.room == w.left {
		line += " LAST"
	}
	_, err := w.b.WriteString(line + "\r\n")
	return err
}

// Close ends the message and flushes.
func (w *chunkWriter) Close() error {
	if w.left > 0 {
		return errSize
	}
	if w.chunks == 0 {
		if err := w.next(); err != nil {
			return err
		}
	}
	return w.b.Flush()
}
