package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

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
	defer c.attend(ctx)()
	if err := c.silent(); err != nil {
		return replies, err
	}
	t := &transaction{Conn: c, m: m, to: to, replies: replies}
	t.needUTF8()
	if refused := t.refuse(); refused.Code != 0 {
		return replies, refused
	}
	err := t.run(ctx)
	return replies, err
}

// silent holds a server to saying nothing unasked: it would be taken for the
// answer to what is asked next. Only what has come with an earlier answer is seen.
// A refusal is the server's last word, and comes back as it is.
func (c *Conn) silent() error {
	if c.r.Buffered() == 0 {
		return nil
	}
	reply, err := readReply(c.r)
	switch {
	case err != nil:
		return c.breakWith(err)
	case reply.Temporary() || reply.Permanent():
		return c.breakWith(reply)
	}
	return c.breakWith(fmt.Errorf("%w expected here, nothing was asked: %s", ErrGarbled, reply))
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
// (RFC 2920), one after the other elsewhere. The content follows in chunks where
// the server takes them, and behind DATA elsewhere.
func (t *transaction) run(ctx context.Context) error {
	lines, asked := t.envelope()
	_, pipelining := t.Offers("PIPELINING")
	_, chunking := t.Offers("CHUNKING")
	chunking = chunking && !t.unchunked
	var accepted int
	var err error
	switch {
	case !pipelining:
		accepted, err = t.stepwise(ctx, lines, asked)
	case chunking:
		accepted, err = t.pipelined(ctx, lines, asked)
	default:
		accepted, err = t.pipelined(ctx, append(lines, "DATA"), asked)
	}
	switch {
	case err != nil:
		return err
	case pipelining && !chunking:
		return t.data(ctx, accepted)
	case accepted == 0:
		t.Reset(ctx)
		return nil
	case chunking:
		return t.chunks(ctx)
	}
	if err := t.send(ctx, t.timeouts.DataInit, "DATA"); err != nil {
		return err
	}
	return t.data(ctx, accepted)
}

// envelope gives the lines of MAIL and RCPT, and whose each RCPT line is.
func (t *transaction) envelope() (lines []string, asked []int) {
	lines = append(lines, "MAIL FROM:<"+t.path(t.m.Envelope.From)+">"+t.mailParams())
	for i, r := range t.to {
		if t.badPath[i] {
			t.replies[i] = mail.RemoteNeedsUTF8.With("The receiving server")
			continue
		}
		lines = append(lines, "RCPT TO:<"+t.path(r.Path)+">"+t.rcptParams(r))
		asked = append(asked, i)
	}
	return lines, asked
}

// stepwise gives the envelope command by command. It tells how many recipients
// were accepted.
func (t *transaction) stepwise(ctx context.Context, lines []string, asked []int) (accepted int, err error) {
	for i, line := range lines {
		reply, err := t.command(ctx, line)
		if err != nil {
			return 0, err
		}
		if t.broken {
			return 0, reply
		}
		if i == 0 && !reply.Positive() {
			fillAt(t.replies, asked, t.refusal(reply))
			return 0, nil
		}
		if i > 0 && t.answered(asked[i-1], reply) {
			accepted++
		}
	}
	return accepted, nil
}

// pipelined sends all of the envelope at once, and DATA where that is the last
// line. A hundred recipients are some 10 KiB, less than any socket buffer, so
// neither side can wait for the other to read; the caller sends no more at a
// time.
func (t *transaction) pipelined(ctx context.Context, lines []string, asked []int) (accepted int, err error) {
	if err := t.send(ctx, t.timeouts.Command, lines...); err != nil {
		return 0, err
	}
	from, err := t.reply(ctx, t.timeouts.Command)
	if err != nil {
		return 0, err
	}
	if t.broken {
		return 0, from
	}
	for _, i := range asked {
		reply, err := t.reply(ctx, t.timeouts.Command)
		if err != nil {
			return 0, err
		}
		if t.broken {
			return 0, reply
		}
		if t.answered(i, reply) && from.Positive() {
			accepted++
		}
	}
	if !from.Positive() {
		fillAt(t.replies, asked, t.refusal(from))
	}
	return accepted, nil
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
