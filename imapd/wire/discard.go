package wire

import (
	"io"
	"strconv"
)

// Discard reads past what is left of a command, of which nothing or a part was
// taken. Non-synchronising literals are read too (RFC 7888 §4). A
// synchronising one is not coming: the tagged response refuses it. Only a lost
// connection is an error.
func (d *Decoder) Discard() error {
	if d.peeked {
		return nil
	}
	for !Lost(d.err) {
		if s := d.stream; s != nil {
			if s.left > 0 && s.asked {
				d.drop(s.left)
			}
			d.stream = nil
			if s.asked {
				d.nextLine()
				continue
			}
		}
		size, sync, ok := d.announced()
		if !ok || sync {
			return nil
		}
		d.drop(size)
		d.nextLine()
	}
	return d.err
}

// drop reads n octets into nothing.
func (d *Decoder) drop(n int64) {
	if Lost(d.err) {
		return
	}
	if n > d.Limits.Discard {
		d.fatal(ErrLost)
		return
	}
	if _, err := io.CopyN(io.Discard, d.r, n); err != nil {
		d.fatal(unexpected(err))
	}
}

// nextLine continues the command after a literal; its error, if any, is d's.
func (d *Decoder) nextLine() {
	if Lost(d.err) {
		return
	}
	keep := d.err
	if err := d.readLine(); Lost(err) {
		return
	}
	if keep != nil {
		d.err = keep
	}
}

// announced reads the literal header that ends the current line, whatever
// stands before it: {5}, {5+}, {5-}, ~{5}.
func (d *Decoder) announced() (size int64, sync, ok bool) {
	line := d.line
	if d.long {
		line = trimEOL(d.tail[:])
	}
	n := len(line)
	if n < 3 || line[n-1] != '}' {
		return 0, false, false
	}
	i := n - 2
	sync = true
	if line[i] == '+' || line[i] == '-' {
		sync = false
		i--
	}
	digits := i
	for i >= 0 && line[i] >= '0' && line[i] <= '9' {
		i--
	}
	if i == digits || i < 0 || line[i] != '{' {
		return 0, false, false
	}
	return parseSize(string(line[i+1 : digits+1])), sync, true
}

// parseSize reads digits; what does not fit is the largest number there is.
func parseSize(digits string) int64 {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 1<<63 - 1
	}
	return n
}
