package imapd

import "posthorn/imapd/wire"

// PREVIEW (RFC 8970). The text is made with the other facts of a message, behind
// delivery; what is not there yet is made when it is asked for, so LAZY, which
// would let the server decline then, changes nothing.

func takePreview(d *wire.Decoder) {
	d.TakeText(" (LAZY)") // other parentheses are FETCH's own modifiers
}

// writePreview answers with text, never NIL (§3.1): the empty string means that
// there is no text to be shown.
func (f *fetcher) writePreview(m *fetched) { f.s.out.String(string(m.fact.Preview)) }
