package wire

import (
	"bufio"
	"errors"
	"strings"
)

// NewTextDecoder reads a piece of the grammar that came within something else,
// as the section of a URL does. It has no literals.
func NewTextDecoder(text string, l Limits) *Decoder {
	d := NewDecoder(bufio.NewReader(strings.NewReader(text+"\r\n")), l, func() error {
		return errors.New("a literal where none can be")
	})
	if err := d.Next(); err != nil {
		d.err = err
	}
	return d
}
