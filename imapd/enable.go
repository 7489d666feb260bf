package imapd

// enabled is what a client has switched on for its session; only the end of
// the login switches it off.
type enabled struct {
	rev2      bool // IMAP4rev2
	utf8      bool // UTF8=ACCEPT
	condstore bool // by ENABLE or by any command that speaks of MODSEQ
	qresync   bool
	uidOnly   bool
}

// features are what ENABLE knows, in the order in which ENABLED tells them.
var features = []struct {
	name string // as ENABLED tells it
	word string // as it is compared
	on   func(*enabled) *bool
}{
	{"IMAP4rev2", "IMAP4REV2", func(e *enabled) *bool { return &e.rev2 }},
	{"UTF8=ACCEPT", "UTF8=ACCEPT", func(e *enabled) *bool { return &e.utf8 }},
	{"CONDSTORE", "CONDSTORE", func(e *enabled) *bool { return &e.condstore }},
	{"QRESYNC", "QRESYNC", func(e *enabled) *bool { return &e.qresync }},
	{"UIDONLY", "UIDONLY", func(e *enabled) *bool { return &e.uidOnly }},
}

// enable: RFC 9051 §6.3.1. Names it does not know are passed over, and
// ENABLED has those only that this command switched on.
func (s *session) enable(c *call) error {
	asked := map[string]bool{}
	for c.dec.SP(); ; c.dec.SP() {
		asked[c.dec.Word()] = true
		if !c.dec.At(' ') {
			break
		}
	}
	if err := c.dec.End(); err != nil {
		return err
	}
	s.out.Raw("* ENABLED")
	for _, f := range features {
		if on := f.on(&s.enabled); asked[f.word] && !*on {
			*on = true
			s.out.SP().Raw(f.name)
		}
	}
	s.out.CRLF()
	s.switched()
	return nil
}

// switched puts into effect what is enabled.
func (s *session) switched() {
	s.condstore = s.condstore || s.qresync // RFC 7162 §3.2.3
	// Both mean UTF-8 in mailbox names and quoted strings (RFC 6855 §3,
	// RFC 9051 §5.1).
	s.out.UTF8, s.dec.UTF8 = s.rev2 || s.utf8, s.rev2 || s.utf8
	s.dec.UIDOnly = s.uidOnly
}
