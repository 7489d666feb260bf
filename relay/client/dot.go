package client

import (
	"bufio"
	"bytes"
	"io"
	"sync"
)

// dotWriter is the transparency of RFC 5321 §4.5.2: a dot at the start of a
// line is doubled, and Close ends the content with CRLF.CRLF. Its input has
// CRLF line ends only.
type dotWriter struct {
	w    *bufio.Writer
	last [2]byte // that were written; CRLF at first, for a line begins then
}

func newDotWriter(w io.Writer) *dotWriter {
	return &dotWriter{w: blocks(w), last: [2]byte{'\r', '\n'}}
}

// release gives the buffer back; nothing may be written then.
func (d *dotWriter) release() { putBlocks(d.w) }

func (d *dotWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if d.last == [2]byte{'\r', '\n'} && p[0] == '.' {
			d.w.WriteByte('.') // errors stay in w until the end
		}
		line := p
		if i := bytes.IndexByte(p, '\n'); i >= 0 {
			line = p[:i+1]
		}
		d.w.Write(line)
		if len(line) == 1 {
			d.last = [2]byte{d.last[1], line[0]}
		} else {
			d.last = [2]byte(line[len(line)-2:])
		}
		p = p[len(line):]
	}
	_, err := d.w.Write(nil)
	return n, err
}

// Close writes the end of the content and flushes.
func (d *dotWriter) Close() error {
	if d.last != [2]byte{'\r', '\n'} {
		d.w.WriteString("\r\n")
	}
	d.w.WriteString(".\r\n")
	return d.w.Flush()
}

// blockSize is how much content is written at a time.
const blockSize = 32 << 10

var buffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, blockSize) }}

// blocks is a writer to w in blocks; putBlocks takes it back.
func blocks(w io.Writer) *bufio.Writer {
	b := buffers.Get().(*bufio.Writer)
	b.Reset(w)
	return b
}

func putBlocks(b *bufio.Writer) {
	b.Reset(nil) // keeps nothing of the connection
	buffers.Put(b)
}
