package imapd

import (
	"io"

	"posthorn/internal/serve"
)

// catenate makes a message of parts (RFC 4469): texts that the client sends,
// and what it names by URL and the server has.
func (a *appender) catenate() (*serve.Spool, error) {
	if err := a.ready(0); err != nil {
		return nil, err
	}
	r := &catenation{a: a, left: a.limit()}
	defer r.close()
	return a.s.spool(r)
}

// catenation reads the parts one after another, as the command comes to them.
type catenation struct {
	a     *appender
	left  int64 // octets the message can still have
	parts int

	part io.Reader // being read, nil between two
	end  func()    // of part
}

func (r *catenation) Read(p []byte) (int, error) {
	for {
		if r.part == nil {
			if err := r.next(); err != nil {
				return 0, err
			}
		}
		n, err := r.part.Read(p)
		if r.left -= int64(n); r.left < 0 {
			return 0, r.a.tooBig()
		}
		if err == io.EOF {
			r.close()
			err = r.a.c.dec.Err()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (r *catenation) close() {
	if r.part != nil {
		r.end()
		r.part, r.end = nil, nil
	}
}

// next begins the next part; io.EOF where there is none.
func (r *catenation) next() error {
	d := r.a.c.dec
	switch {
	case r.parts == 0:
		d.Need('(')
	case d.Take(')'):
		return io.EOF
	default:
		d.SP()
	}
	if r.parts++; r.parts > maxParts {
		return no("LIMIT", "More parts than a message can be made of")
	}
	switch word := d.Word(); {
	case word == "TEXT":
		d.SP()
		return r.text(d.Resume)
	case word == "UTF8" && r.a.s.mayUTF8():
		d.SP()
		d.Need('(')
		return r.text(func() {
			d.Resume()
			d.Need(')')
		})
	case word == "URL":
		d.SP()
		return r.url(d.AString())
	}
	d.Fail("expected TEXT or URL")
	return d.Err()
}

// text begins a part that the client sends.
func (r *catenation) text(end func()) error {
	d := r.a.c.dec
	size, _ := d.Stream()
	switch {
	case d.Err() != nil:
		return d.Err()
	case size > r.left:
		return r.a.tooBig()
	}
	r.part, r.end = d.Octets(), end
	return nil
}

// url begins a part that the server has.
func (r *catenation) url(s string) error {
	if err := r.a.c.dec.Err(); err != nil {
		return err
	}
	part, err := r.a.s.openURL(r.a.c, s)
	if err != nil {
		return badURL(s, err)
	}
	r.part, r.end = part, func() { part.Close() }
	return nil
}
