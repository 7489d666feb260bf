package message

import (
	"bytes"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a preview (RFC 8970 §3.2: at most 200 characters, 256 if need be).
const (
	maxPreview     = 200
	previewContent = 64 << 10 // octets of a part that are looked at
)

// preview is the beginning of what a person reads in a message: of its first
// text part that says anything, in one line, without markup; empty when there is
// none. Attachments and messages within count only when nothing else is there.
// The error is r's own.
func preview(r io.ReaderAt, root *Part) ([]byte, error) {
	var second *Part // to be taken when nothing better comes
	var text []byte
	var err error
	left := 8 // parts that are read
	eachText(root, func(p *Part, aside bool) bool {
		if aside {
			if second == nil {
				second = p
			}
			return true
		}
		text, err = previewOf(r, p)
		left--
		return len(text) == 0 && err == nil && left > 0
	})
	if len(text) == 0 && err == nil && second != nil {
		return previewOf(r, second)
	}
	return text, err
}

// eachText calls fn for the text parts of a message until it gives false. aside
// says that a part is an attachment or in a message within.
func eachText(p *Part, fn func(p *Part, aside bool) bool) {
	var walk func(p *Part, aside bool) bool
	walk = func(p *Part, aside bool) bool {
		switch {
		case p.Message != nil:
			return walk(p.Message, true)
		case len(p.Parts) > 0:
			for _, c := range p.Parts {
				if !walk(c, aside) {
					return false
				}
			}
			return true
		case p.Type != "text":
			return true
		}
		return fn(p, aside || strings.EqualFold(p.Disposition, "attachment"))
	}
	walk(p, false)
}

// previewOf is the preview of a text part.
func previewOf(r io.ReaderAt, p *Part) ([]byte, error) {
	text, err := Text(r, p, previewContent)
	if err != nil {
		return nil, err
	}
	var out []byte
	count, gap := 0, false
	for _, c := range text {
		switch {
		case unicode.IsSpace(c):
			gap = true
			continue
		case unicode.IsControl(c) || invisible(c):
			continue
		case gap && count > 0:
			out = append(out, ' ')
			count++
		}
		gap = false
		if count >= maxPreview {
			break
		}
		out = utf8.AppendRune(out, c)
		count++
	}
	return bytes.TrimRight(out, " "), nil
}

// invisible tells of characters that senders fill the space before their text
// with, so that previews show nothing else.
func invisible(c rune) bool {
	return c == '\u00ad' || c == '\u034f' || c == '\u200b' || c == '\u200c' || c == '\u2007' || c == '\u2060' || c == '\ufeff'
}
