package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"posthorn/mail"
	"posthorn/message"
	"posthorn/relay/client"
)

// ready is a message as it may go out, in the form that a server takes.
type ready struct {
	*mail.Mail
	relay    *Relay
	asIs     *form
	sevenBit *form // made when a server needs it
}

// form is one form of a message: DKIM signatures, then the content with stray
// line ends mended.
type form struct {
	mail       *mail.Mail
	converted  bool   // into 7-bit octets in lines for every server
	text       []byte // mended; nil when it is too large to be kept in memory
	signatures []byte
	scan       scan
	wish       tlsWish
}

// maxText is up to how many octets of a message are kept while it is tried.
const maxText = 128 << 10

// prepare reads the message once, to sign it and to see what it needs of a
// server. A large one is read again for each transaction.
func (r *Relay) prepare(ctx context.Context, m *mail.Mail) (*ready, error) {
	p := &ready{Mail: m, relay: r}
	var err error
	if p.asIs, err = r.form(ctx, m, false); err != nil {
		return nil, err
	}
	if p.asIs.scan.long && isOurs(m) {
		// Few servers refuse such lines, and some cut them.
		long, err := r.form(ctx, m, true)
		switch {
		case err == nil:
			p.asIs = long
		case !errors.Is(err, message.ErrOpaque) && !errors.Is(err, message.ErrNonASCIIHeader):
			return nil, err
		}
	}
	return p, nil
}

// isOurs tells whether we may change and sign a message: one of a login or of
// this host itself. Mail that only passes through stays as it is.
func isOurs(m *mail.Mail) bool { return m.Origin.Login != "" || m.Origin.Protocol == "local" }

// formFor chooses the form for a server that offers what offers says. What is
// not ours goes as it is, also to a server that does not say that it takes
// 8-bit octets: see docs/adr/0007. A mail.Reply says why this server cannot be
// given the message at all.
func (p *ready) formFor(ctx context.Context, offers func(keyword string) (string, bool)) (*form, error) {
	_, eight := offers("8BITMIME")
	_, utf8 := offers("SMTPUTF8")
	s := &p.asIs.scan
	if !isOurs(p.Mail) || (eight || !s.eightBit) && (utf8 || !p.UTF8 || !s.headerEightBit) {
		return p.asIs, nil
	}
	if p.sevenBit == nil {
		plain := *p.Mail
		plain.UTF8 = false
		f, err := p.relay.form(ctx, &plain, true)
		switch {
		case errors.Is(err, message.ErrNonASCIIHeader):
			return nil, mail.RemoteNeedsUTF8.With("The receiving server")
		case errors.Is(err, message.ErrOpaque):
			return nil, mail.NeedsConversion.With("The receiving server")
		case err != nil:
			p.relay.log.Error("message cannot be converted", "queue_id", p.QueueID, "error", err)
			return nil, mail.LocalError
		}
		p.sevenBit = f
	}
	return p.sevenBit, nil
}

// form signs and measures a message, converted or as it is.
func (r *Relay) form(ctx context.Context, m *mail.Mail, converted bool) (*form, error) {
	f := &form{mail: m, converted: converted}
	if m.FullSize() <= maxText {
		b := bytes.NewBuffer(make([]byte, 0, m.FullSize()+2))
		if err := f.copyTo(b); err != nil {
			return nil, err
		}
		f.text = b.Bytes()
	}
	signers, err := r.signers(ctx, f)
	if err != nil {
		return nil, err
	}
	defer signers.abandon()
	if err := f.copyTo(io.MultiWriter(&f.scan, &f.wish, signers)); err != nil {
		return nil, err
	}
	if f.signatures, err = signers.finish(); err != nil {
		return nil, err
	}
	return f, nil
}

// open reads head and content, as they are.
func (f *form) open() (io.ReadCloser, error) {
	if !f.converted {
		r, err := f.mail.Reader()
		if err != nil {
			return nil, fmt.Errorf("open content of %s: %w", f.mail.QueueID, err)
		}
		return r, nil
	}
	r, err := f.mail.ReaderAt()
	if err != nil {
		return nil, fmt.Errorf("open content of %s: %w", f.mail.QueueID, err)
	}
	plain, err := message.SevenBit(r, f.mail.FullSize(), f.mail.UTF8)
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("convert %s: %w", f.mail.QueueID, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{plain, r}, nil
}

// copyTo writes head and content, mended, to w.
func (f *form) copyTo(w io.Writer) error {
	if f.text != nil {
		_, err := w.Write(f.text)
		return err
	}
	src, err := f.open()
	if err != nil {
		return err
	}
	defer src.Close()
	mend := mender{w: w}
	buf := copies.Get().(*[32 << 10]byte)
	defer copies.Put(buf)
	if _, err := io.CopyBuffer(&mend, struct{ io.Reader }{src}, buf[:]); err != nil {
		return fmt.Errorf("read content of %s: %w", f.mail.QueueID, err)
	}
	return mend.Close()
}

var copies = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// message is f for one transaction.
func (f *form) message() *client.Message {
	envelope := f.mail.Envelope
	if f.mail.Outward != nil {
		envelope.From = *f.mail.Outward
	}
	if f.converted && !f.scan.eightBit {
		envelope.Body = mail.Body7Bit
	}
	return &client.Message{
		Envelope: &envelope,
		Size:     int64(len(f.signatures)) + f.scan.size,
		EightBit: f.scan.eightBit,
		UTF8:     f.mail.UTF8 && f.scan.headerEightBit,
		WriteTo:  f.writeTo,
	}
}

func (f *form) writeTo(w io.Writer) error {
	if _, err := w.Write(f.signatures); err != nil {
		return err
	}
	return f.copyTo(w)
}
