package message

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
)

// Unbinary reads a message with each part that is in binary transfer encoding
// (RFC 2045 §6.2) put into base64, and what encloses such parts said to be
// 8bit. Everything else is as it was. The error is r's own, as are those of the
// reader.
func Unbinary(r io.ReaderAt, size int64) (io.Reader, error) {
	root, err := Parse(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, err
	}
	u := &unbinary{r: r}
	if err := u.part(root); err != nil {
		return nil, err
	}
	u.copyTo(size)
	return io.MultiReader(u.out...), nil
}

// maxRewritten is how long a header can be that Unbinary changes.
const maxRewritten = 1 << 20

// unbinary gathers what is read one after another. Octets before at are done.
type unbinary struct {
	r   io.ReaderAt
	at  int64
	out []io.Reader
}

func (u *unbinary) copyTo(end int64) {
	if end > u.at {
		u.out = append(u.out, io.NewSectionReader(u.r, u.at, end-u.at))
		u.at = end
	}
}

// part does a part and what is in it. Parse bounds how deep that goes.
func (u *unbinary) part(p *Part) error {
	leaf := p.Message == nil && len(p.Parts) == 0
	if strings.EqualFold(p.Encoding, "binary") && p.BodyStart-p.HeaderStart <= maxRewritten {
		encoding := "8bit"
		if leaf {
			encoding = "base64"
		}
		if err := u.header(p, encoding); err != nil {
			return err
		}
		if leaf {
			u.out = append(u.out, &base64Lines{r: io.NewSectionReader(u.r, p.BodyStart, p.Size())})
			u.at = p.End
		}
	}
	for _, child := range p.Parts {
		if err := u.part(child); err != nil {
			return err
		}
	}
	if p.Message != nil {
		return u.part(p.Message)
	}
	return nil
}

// header gives a part's header with its encoding changed.
func (u *unbinary) header(p *Part, encoding string) error {
	u.copyTo(p.HeaderStart)
	header := make([]byte, p.BodyStart-p.HeaderStart)
	if _, err := u.r.ReadAt(header, p.HeaderStart); err != nil && err != io.EOF {
		return err
	}
	const name = "Content-Transfer-Encoding"
	var b bytes.Buffer
	b.WriteString(name + ": " + encoding + "\r\n")
	rest := header
	for _, f := range ParseHeader(header).Fields() {
		if !strings.EqualFold(f.Name, name) {
			b.Write(f.Raw)
		}
		rest = rest[len(f.Raw):]
	}
	b.Write(rest)
	u.out = append(u.out, &b)
	u.at = p.BodyStart
	return nil
}

// base64Lines reads r in base64, in lines of 76 characters (RFC 2045 §6.8).
type base64Lines struct {
	r    io.Reader
	line [78]byte
	left []byte // of line, not given out yet
}

func (e *base64Lines) Read(p []byte) (int, error) {
	if len(e.left) == 0 {
		var in [57]byte
		n, err := io.ReadFull(e.r, in[:])
		if n == 0 {
			return 0, err
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			return 0, err
		}
		base64.StdEncoding.Encode(e.line[:], in[:n])
		end := base64.StdEncoding.EncodedLen(n)
		e.left = e.line[:end+copy(e.line[end:], "\r\n")]
	}
	n := copy(p, e.left)
	e.left = e.left[n:]
	return n, nil
}
