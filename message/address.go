package message

import "strings"

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
	glue    bool // the next word belongs to the last one: a dot or at sign stands between
}

// word is part of a phrase or an addr-spec; at is the index of its last at
// sign outside quotes, or -1.
type word struct {
	text []byte
	at   int
}

// next takes in one lexical element.
func (p *addressParser) next() {
	switch c := p.s[p.i]; c {
	case ' ', '\t', '\r', '\n':
		p.i++
	case '(':
		p.comment, p.i = comment(p.s, p.i)
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
		p.add(q, -1)
	default:
		p.atom()
	}
}

// atom reads up to white space or a special; dots and at signs bind words.
func (p *addressParser) atom() {
	start := p.i
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n(),;:<\"", p.s[p.i]) < 0 {
		if p.s[p.i] == '[' { // a domain literal may hold colons
			if n := strings.IndexByte(p.s[p.i:], ']'); n > 0 && n < 64 {
				p.i += n
			}
		}
		p.i++
	}
	text := p.s[start:p.i]
	if text[0] == '.' || text[0] == '@' {
		p.glue = true
	}
	p.add(text, strings.LastIndexByte(text, '@'))
	if last := text[len(text)-1]; last == '.' || last == '@' {
		p.glue = true
	}
}

func (p *addressParser) add(text string, at int) {
	if n := len(p.words); p.glue && n > 0 {
		w := &p.words[n-1]
		if at >= 0 {
			w.at = len(w.text) + at
		}
		w.text = append(w.text, text...)
	} else {
		p.words = append(p.words, word{[]byte(text), at})
	}
	p.glue = false
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
			sub.add(in[sub.i:sub.i+1], -1)
			sub.i++
			continue
		}
		sub.next()
	}
	a.Mailbox, a.Host = sub.spec()
	if p.angle == nil {
		p.angle = &a
	}
}

// spec reads all words as one addr-spec.
func (p *addressParser) spec() (mailbox, host string) {
	var all []byte
	at := -1
	for _, w := range p.words {
		if w.at >= 0 {
			at = len(all) + w.at
		}
		all = append(all, w.text...)
	}
	if at < 0 {
		return string(all), ""
	}
	return string(all[:at]), string(all[at+1:])
}

// phrase joins the words but the one at skip.
func (p *addressParser) phrase(skip int) string {
	var b strings.Builder
	for i, w := range p.words {
		if i == skip {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.Write(w.text)
	}
	return b.String()
}

// finish ends the address being read, if any.
func (p *addressParser) finish() {
	var a Address
	switch {
	case p.angle != nil:
		a = *p.angle
		a.Name = p.phrase(-1)
	case len(p.words) > 0:
		spec := len(p.words) - 1
		for spec >= 0 && p.words[spec].at < 0 {
			spec--
		}
		if spec < 0 {
			a.Mailbox = p.phrase(-1)
			break
		}
		w := p.words[spec]
		a.Mailbox, a.Host = string(w.text[:w.at]), string(w.text[w.at+1:])
		a.Name = p.phrase(spec)
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

func (p *addressParser) reset() {
	p.words, p.comment, p.angle, p.glue = p.words[:0], "", nil, false
}

func (p *addressParser) startGroup() {
	p.list = append(p.list, Address{Mailbox: p.phrase(-1), Group: true})
	p.inGroup = true
	p.reset()
}

func (p *addressParser) endGroup() {
	if p.inGroup {
		p.list = append(p.list, Address{Group: true})
		p.inGroup = false
	}
}
