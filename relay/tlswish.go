package relay

import "strings"

// tlsWish is a writer that finds the header field "TLS-Required: No" of RFC 8689
// §3 in a message. What is said besides, once or twice, means nothing.
type tlsWish struct {
	optional bool

	line   []byte // the beginning of the current header line
	inBody bool
}

// wishLength is as much of a line as can matter: the field, with room for folding.
const wishLength = 100

func (w *tlsWish) Write(p []byte) (int, error) {
	for _, c := range p {
		if w.inBody {
			break
		}
		switch {
		case c == '\n':
			w.endLine()
		case len(w.line) < wishLength && c != '\r':
			w.line = append(w.line, c)
		}
	}
	return len(p), nil
}

func (w *tlsWish) endLine() {
	w.inBody = len(w.line) == 0
	name, value, _ := strings.Cut(string(w.line), ":")
	if strings.EqualFold(strings.TrimRight(name, " \t"), "TLS-Required") && strings.EqualFold(strings.Trim(value, " \t"), "No") {
		w.optional = true
	}
	w.line = w.line[:0]
}
