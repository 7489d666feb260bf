package imapd

import (
	"posthorn/imapd/wire"
	"posthorn/store"
)

// fetchModifiers are what a FETCH may say behind its items (RFC 4466 §2.4).
type fetchModifiers struct {
	partial  *window // RFC 9394 §3.3
	changed  bool    // CHANGEDSINCE was there (RFC 7162 §3.1.4.1)
	since    store.ModSeq
	vanished bool // RFC 7162 §3.2.6
}

// fetchModifierWords are the modifiers, by what takes their arguments.
var fetchModifierWords = map[string]func(s *session, c *call, m *fetchModifiers){
	"PARTIAL":      takePartialModifier,
	"CHANGEDSINCE": takeChangedSince,
	"VANISHED":     takeVanished,
}

// takeFetchModifiers takes the list of modifiers, if there is one. Their order
// does not matter; each may be there once.
func (s *session) takeFetchModifiers(c *call) (m fetchModifiers) {
	if !c.dec.TakeSP() {
		return m
	}
	given := map[string]bool{}
	c.dec.List(func() {
		word := c.dec.Word()
		take, ok := fetchModifierWords[word]
		if !ok || given[word] {
			c.dec.Fail("%q is not a modifier of %s here", word, c.name)
			return
		}
		given[word] = true
		take(s, c, &m)
	})
	if len(given) == 0 {
		c.dec.Fail("expected a modifier")
	}
	if m.vanished && !m.changed {
		c.dec.Fail("VANISHED needs CHANGEDSINCE")
	}
	return m
}

// takePartialModifier takes PARTIAL, which is UID FETCH's alone.
func takePartialModifier(_ *session, c *call, m *fetchModifiers) {
	if !c.uid() {
		c.dec.Fail("PARTIAL goes with UID FETCH")
		return
	}
	c.dec.SP()
	w := takeWindow(c.dec)
	m.partial = &w
}

// ofNumbers gives those of the messages that lie in the window: the first of
// them, or the last.
func (w window) ofNumbers(numbers []wire.Range) (out []wire.Range) {
	from, to := w.span(amount(numbers))
	at := int64(0) // messages before r
	for _, r := range numbers {
		size := int64(r.B-r.A) + 1
		if a, b := max(from-at, 0), min(to-at, size); a < b {
			out = append(out, wire.Range{A: r.A + uint32(a), B: r.A + uint32(b-1)})
		}
		at += size
	}
	return out
}
