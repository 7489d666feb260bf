package client

import (
	"bufio"
	"io"
)

// dotWriter is the transparency of RFC 5321 §4.5.2: a dot at the start of a
// line is doubled, and Close ends the content with CRLF.CRLF. Its input has
// CRLF line ends only.
type dotWriter struct {
	w     *bufio.Writer
	start bool // at the start of a line
	cr    bool // the last octet was CR
}

func newDotWriter(w io.Writer) *dotWriter {
	return &dotWriter{w: bufio.NewWriterSize(w, 32*1024), start: true}
}

func (d *dotWriter) Write(p []byte) (int, error) {
	from := 0
	for i, c := range p {
		if d.start && c == '.' {
			d.w.Write(p[from:i]) // errors stay in w until the end
			d.w.WriteByte('.')
			from = i
		}
		d.start = d.cr && c == '\n'
		d.cr = c == '\r'
	}
	_, err := d.w.Write(p[from:])
	return len(p), err
}

// Close writes the end of the content and flushes.
func (d *dotWriter) Close() error {
	if !d.start {
		d.w.WriteString("\r\n")
	}
	d.w.WriteString(".\r\n")
	return d.w.Flush()
}
