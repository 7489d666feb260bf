package imapd

import (
	"io"

	"posthorn/internal/serve"
	"posthorn/message"
)

var errNUL = no("CANNOT", "A message can hold a NUL octet only where its Content-Transfer-Encoding is binary, sent as a literal8")

// spool takes a message from r, with its line ends made CRLF. Without an error
// it is to be freed.
func (s *session) spool(r io.Reader) (*serve.Spool, error) {
	return s.spoolAsIs(&normaliser{r: r})
}

// spoolBinary takes a message that may have parts of any octets (RFC 3516
// §4.4). They are kept in base64: what is stored can be sent to every client.
func (s *session) spoolBinary(r io.Reader) (*serve.Spool, error) {
	raw, err := s.spoolAsIs(r)
	if err != nil {
		return nil, err
	}
	defer raw.Free()
	content, err := message.Unbinary(raw, raw.Size())
	if err != nil {
		return nil, err
	}
	return s.spool(content)
}

func (s *session) spoolAsIs(r io.Reader) (*serve.Spool, error) {
	sp := s.srv.spools.New()
	if _, err := sp.Fill(r, 0); err != nil {
		sp.Free()
		return nil, err
	}
	return sp, nil
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
