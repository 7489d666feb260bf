package imapd

import (
	"io"

	"posthorn/internal/serve"
)

var errNUL = no("CANNOT", "A message must not hold a NUL octet")

// spool takes a message from r, with its line ends made CRLF. It is to be
// freed whatever the error says. r is read to its end all the same, unless the
// connection is lost.
func (s *session) spool(r io.Reader) (*serve.Spool, error) {
	sp := s.srv.spools.New()
	_, err := sp.Fill(&normaliser{r: r}, 0)
	if err != nil {
		io.Copy(io.Discard, r) // an error of the connection comes back from the decoder
	}
	return sp, err
}

// normaliser reads r with every line end made CRLF: a bare LF and a bare CR are line
// ends too. A NUL is errNUL.
type normaliser struct {
	r   io.Reader
	got []byte // read from r, not given out yet
	cr  bool   // the last octet was CR, its LF not given out yet
	err error  // of r
	in  [2 << 10]byte
}

func (c *normaliser) Read(p []byte) (n int, err error) {
	for n == 0 && len(p) > 0 {
		if len(c.got) == 0 && c.err == nil {
			var k int
			k, c.err = c.r.Read(c.in[:])
			c.got = c.in[:k]
		}
		if n, err = c.give(p); err != nil {
			return n, err
		}
		if n < len(p) && len(c.got) == 0 && c.err != nil {
			if c.cr && c.err == io.EOF {
				p[n] = '\n'
				n, c.cr = n+1, false
			}
			return n, c.err
		}
	}
	return n, nil
}

// give puts what was read into p, as far as both go.
func (c *normaliser) give(p []byte) (n int, err error) {
	for n < len(p) && len(c.got) > 0 {
		octet := c.got[0]
		switch {
		case octet == 0:
			return n, errNUL
		case octet == '\n' && !c.cr:
			p[n], c.cr = '\r', true // the LF is next
		case octet != '\n' && c.cr:
			p[n], c.cr = '\n', false
		default:
			p[n], c.cr = octet, octet == '\r'
			c.got = c.got[1:]
		}
		n++
	}
	return n, nil
}
