package imapd

import (
	"slices"
	"strconv"
	"strings"

	"posthorn/store"
)

// systemFlags are the flags with a bit of their own, in the order in which
// they are written.
var systemFlags = []struct {
	name string
	flag store.Flags
}{
	{`\Answered`, store.FlagAnswered},
	{`\Flagged`, store.FlagFlagged},
	{`\Deleted`, store.FlagDeleted},
	{`\Seen`, store.FlagSeen},
	{`\Draft`, store.FlagDraft},
}

// splitFlags sorts flags as a client named them into system flags and
// keywords, each once. \Recent cannot be set and is the client's mistake; a
// system flag we do not have is passed over, as PERMANENTFLAGS said.
func splitFlags(names []string) (system store.Flags, keywords []string, err error) {
next:
	for _, name := range names {
		for _, f := range systemFlags {
			if strings.EqualFold(f.name, name) {
				system |= f.flag
				continue next
			}
		}
		switch {
		case strings.EqualFold(name, `\Recent`):
			return 0, nil, bad(`\Recent cannot be set by a client`)
		case name[0] == '\\':
		case len(name) > maxKeyword:
			return 0, nil, no("LIMIT", "A keyword can have "+strconv.Itoa(maxKeyword)+" octets at most")
		case slices.ContainsFunc(keywords, func(k string) bool { return strings.EqualFold(k, name) }):
		case len(keywords) == store.MaxKeywords:
			return 0, nil, store.ErrLimit
		default:
			keywords = append(keywords, name)
		}
	}
	return system, keywords, nil
}

// allowed leaves of flags what rights allow to set (RFC 4314 §4).
func allowed(rights store.Rights, system store.Flags, keywords []string) (store.Flags, []string) {
	if !rights.Has(store.RightWrite) {
		keywords = nil
	}
	return system & changeable(rights), keywords
}

// changeable are the flags that rights allow to change, with every keyword's bit.
func changeable(rights store.Rights) (f store.Flags) {
	if rights.Has(store.RightSeen) {
		f |= store.FlagSeen
	}
	if rights.Has(store.RightTrash) {
		f |= store.FlagDeleted
	}
	if rights.Has(store.RightWrite) {
		f |= ^(store.FlagSeen | store.FlagDeleted)
	}
	return f
}

// appendFlags appends the flags of a message of this version in parentheses.
func (v *version) appendFlags(b []byte, f store.Flags, recent bool) []byte {
	b = append(b, '(')
	start := len(b)
	word := func(w string) {
		if len(b) > start {
			b = append(b, ' ')
		}
		b = append(b, w...)
	}
	for _, s := range systemFlags {
		if f&s.flag != 0 {
			word(s.name)
		}
	}
	if recent {
		word(`\Recent`)
	}
	if f>>store.KeywordBase != 0 {
		for i, k := range v.box.Keywords {
			if f&(1<<(store.KeywordBase+i)) != 0 {
				word(k)
			}
		}
	}
	return append(b, ')')
}

// bits gives the bits of keywords in this version, without regard to case.
func (v *version) bits(keywords []string) (f store.Flags) {
	for _, k := range keywords {
		for i, have := range v.box.Keywords {
			if strings.EqualFold(k, have) {
				f |= 1 << (store.KeywordBase + i)
			}
		}
	}
	return f
}

// writeFlags tells which flags the mailbox has and which the client may
// change; \* says that it may make new ones (RFC 9051 §7.3.5).
func (s *session) writeFlags(v *version) {
	var names []string
	for _, f := range systemFlags {
		names = append(names, f.name)
	}
	names = append(names, v.box.Keywords...)
	s.out.Raw("* FLAGS ").List(names).CRLF()
	s.out.Raw("* OK [PERMANENTFLAGS ").List(s.view.permanent(v)).Raw("] Flags that are kept").CRLF()
	s.view.learn(v.box.Keywords)
}

// permanent are the flags the client may change for good.
func (v *view) permanent(of *version) (names []string) {
	if v.readOnly {
		return nil
	}
	may := changeable(v.rights)
	for _, f := range systemFlags {
		if may&f.flag != 0 {
			names = append(names, f.name)
		}
	}
	if v.rights.Has(store.RightWrite) {
		names = append(names, of.box.Keywords...)
		if len(of.box.Keywords) < store.MaxKeywords {
			names = append(names, `\*`)
		}
	}
	return names
}

// learn notes the keywords the client was told of. They are only ever added
// to, so that they name the flags of an older version too.
func (v *view) learn(keywords []string) {
	v.keywords = len(keywords)
	if len(v.seen.box.Keywords) < len(keywords) {
		box := v.seen.box
		box.Keywords = keywords
		v.seen = newVersion(v.seen.at, box, v.seen.chunks)
	}
}

// writeRow tells the flags of one message of version v, and of the mailbox
// first where it has new ones.
func (s *session) writeRow(v *version, n uint32, r store.Row) {
	if len(v.box.Keywords) != s.view.keywords {
		s.writeFlags(v)
	}
	s.startFetch(n, r.UID)
	if !s.uidOnly {
		s.out.Raw("UID ").Num(int64(r.UID)).SP()
	}
	s.out.Raw("FLAGS ")
	s.scratch = v.appendFlags(s.scratch[:0], r.Flags, s.view.isRecent(r.UID))
	s.out.Bytes(s.scratch)
	if s.condstore {
		s.out.Raw(" MODSEQ ")
		s.writeModSeq(r.ModSeq)
	}
	s.out.Raw(")").CRLF()
}
