package message

import (
	"slices"
	"strings"
)

// maxAddresses of one field are read; the rest is passed over.
const maxAddresses = 10_000

// Address is one mailbox of an address list, or the mark where a group starts
// or ends (RFC 9051 §7.5.2: a start has the group's name in Mailbox, an end has
// nothing). Quoting is taken off; Name is not decoded (DecodeWords does that).
// Host is "" for a mark, and for an address that was written without one.
type Address struct {
	Name, Route, Mailbox, Host string
	Group                      bool // a mark, not an address
}

// ParseAddresses reads an address list (RFC 5322 §3.4 and the obsolete forms of
// §4.4). Nothing makes it fail: what is no address becomes one without a host.
func ParseAddresses(s string) []Address {
	p := addressParser{s: s}
	for p.i < len(s) && len(p.list) < maxAddresses {
		p.next()
	}
	p.finish()
	p.endGroup()
	return p.list
}

type addressParser struct {
	s    string
	i    int
	list []Address

	words   []word // of the address being read, before any angle bracket
	comment string
	angle   *Address
	inGroup bool
	space   bool // white space or a comment stands before the next word
}

// word is part of a phrase or an addr-spec.
type word struct {
	text   string
	at     int // index of its last at sign outside quotes, or -1
	space  bool
	quoted bool
}

// binds tells whether b goes on where a ends: nothing stands between, or a dot
// or an at sign does, around which obsolete syntax has white space.
func binds(a, b word) bool {
	return !b.space || !a.quoted && strings.HasSuffix(a.text, ".") || !a.quoted && strings.HasSuffix(a.text, "@") ||
		!b.quoted && (b.text[0] == '.' || b.text[0] == '@')
}

// next takes in one lexical element.
func (p *addressParser) next() {
	switch c := p.s[p.i]; c {
	case ' ', '\t', '\r', '\n':
		p.i++
		p.space = true
	case '(':
		p.comment, p.i = comment(p.s, p.i)
		p.space = true
	case ',':
		p.i++
		p.finish()
	case ';':
		p.i++
		p.finish()
		p.endGroup()
	case ':':
		p.i++
		if p.angle == nil && !p.inGroup {
			p.startGroup()
		}
	case '<':
		p.i++
		p.readAngle()
	case '"':
		var q string
		q, p.i = unquote(p.s, p.i)
		p.words = append(p.words, word{q, -1, p.space, true})
		p.space = false
	default:
		p.atom()
	}
}

// atom reads at least one octet, up to white space or what next has a case for.
// Dots and at signs belong to it.
func (p *addressParser) atom() {
	start := p.i
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n(,;:<\"", p.s[p.i]) < 0 {
		if p.s[p.i] == '[' { // a domain literal may hold colons
			if n := strings.IndexByte(p.s[p.i:min(len(p.s), p.i+64)], ']'); n > 0 {
				p.i += n
			}
		}
		p.i++
	}
	p.add(p.s[start:p.i])
}

func (p *addressParser) add(text string) {
	p.words = append(p.words, word{text, strings.LastIndexByte(text, '@'), p.space, false})
	p.space = false
}

// readAngle reads an angle-addr after its opening bracket, with a source route
// when there is one.
func (p *addressParser) readAngle() {
	end := skipToken(p.s, p.i, '>')
	in := p.s[p.i:end]
	p.i = min(end+1, len(p.s))
	var a Address
	if in = strings.TrimSpace(in); strings.HasPrefix(in, "@") {
		if i := strings.IndexByte(in, ':'); i > 0 {
			a.Route, in = in[:i], in[i+1:]
		}
	}
	sub := addressParser{s: in}
	for sub.i < len(in) {
		if strings.IndexByte(",;:<", in[sub.i]) >= 0 {
			sub.add(in[sub.i : sub.i+1])
			sub.i++
			continue
		}
		sub.next()
	}
	a.Mailbox, a.Host = spec(sub.words)
	if p.angle == nil {
		p.angle = &a
	}
}

// spec reads words as one addr-spec.
func spec(words []word) (mailbox, host string) {
	var all strings.Builder
	at := -1
	for _, w := range words {
		if w.at >= 0 {
			at = all.Len() + w.at
		}
		all.WriteString(w.text)
	}
	if at < 0 {
		return all.String(), ""
	}
	return all.String()[:at], all.String()[at+1:]
}

// phrase joins words as they stood.
func phrase(words ...word) string {
	var b strings.Builder
	for _, w := range words {
		if w.space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.text)
	}
	return b.String()
}

// finish ends the address being read, if any.
func (p *addressParser) finish() {
	var a Address
	switch {
	case p.angle != nil:
		a = *p.angle
		a.Name = phrase(p.words...)
	case len(p.words) > 0:
		a = bare(p.words)
	default:
		p.reset()
		return
	}
	if a.Name == "" {
		a.Name = p.comment
	}
	p.list = append(p.list, a)
	p.reset()
}

// bare reads an address without angle brackets: the words bound to the last at
// sign, and a name in what stands around it.
func bare(words []word) Address {
	at := len(words) - 1
	for at >= 0 && words[at].at < 0 {
		at--
	}
	if at < 0 {
		return Address{Mailbox: phrase(words...)}
	}
	from, to := at, at+1
	for from > 0 && binds(words[from-1], words[from]) {
		from--
	}
	for to < len(words) && binds(words[to-1], words[to]) {
		to++
	}
	a := Address{Name: phrase(slices.Concat(words[:from], words[to:])...)}
	a.Mailbox, a.Host = spec(words[from:to])
	return a
}

func (p *addressParser) reset() {
	p.words, p.comment, p.angle, p.space = p.words[:0], "", nil, false
}

func (p *addressParser) startGroup() {
	p.list = append(p.list, Address{Mailbox: phrase(p.words...), Group: true})
	p.inGroup = true
	p.reset()
}

func (p *addressParser) endGroup() {
	if p.inGroup {
		p.list = append(p.list, Address{Group: true})
		p.inGroup = false
	}
}
