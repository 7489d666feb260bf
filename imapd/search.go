package imapd

import (
	"bytes"
	"io"
	"strings"

	"github.com/emersion/go-message/charset"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// search is SEARCH and UID SEARCH (RFC 9051 §6.4.4).
func (s *session) search(c *call) error {
	c.dec.SP()
	p := parser{d: c.dec, view: s.view, utf8: s.utf8}
	want, key := p.program()
	err := c.dec.End()
	if err == nil {
		err = p.err
	}
	if err != nil {
		if want.save && p.err != nil { // RFC 9051 §6.4.4.1: a NO empties $, a BAD leaves it
			s.view.saved = nil
		}
		return err
	}
	f := finder{s: s, box: s.view.box, key: key}
	found, err := f.run(c.ctx)
	if err != nil {
		if want.save {
			s.view.saved = nil
		}
		return err
	}
	if want.save {
		s.view.saved = want.kept(found)
	}
	s.writeFound(c, want, found)
	return nil
}

// hit is a message that was found.
type hit struct {
	n   uint32
	uid store.UID
}

// results is what RETURN asked for (RFC 9051 §6.4.4, RFC 4731).
type results struct {
	given                      bool // RETURN was there
	min, max, all, count, save bool
}

// kept is what SAVE keeps: everything, unless only MIN or MAX was asked for
// (RFC 9051 §6.4.4.1).
func (r results) kept(found []hit) []store.UID {
	var out []store.UID
	ends := (r.min || r.max) && !r.all && !r.count
	for i, h := range found {
		if !ends || r.min && i == 0 || r.max && i == len(found)-1 {
			out = append(out, h.uid)
		}
	}
	return out
}

// writeFound answers: with ESEARCH when RETURN was used or IMAP4rev2 is
// enabled, else with SEARCH. SAVE alone is answered by the tagged OK.
func (s *session) writeFound(c *call, want results, found []hit) {
	numbers := make([]uint32, len(found))
	for i, h := range found {
		numbers[i] = h.n
		if c.uid() {
			numbers[i] = uint32(h.uid)
		}
	}
	if !want.given && !s.rev2 {
		s.out.Raw("* SEARCH")
		for _, n := range numbers {
			s.out.SP().Num(int64(n))
		}
		s.out.CRLF()
		return
	}
	if want.save && !want.min && !want.max && !want.all && !want.count {
		return
	}
	s.out.Raw("* ESEARCH (TAG ").String(c.tag).Raw(")")
	if c.uid() {
		s.out.Raw(" UID")
	}
	if n := len(numbers); n > 0 {
		if want.min {
			s.out.Raw(" MIN ").Num(int64(numbers[0]))
		}
		if want.max {
			s.out.Raw(" MAX ").Num(int64(numbers[n-1]))
		}
		if want.all {
			s.out.Raw(" ALL ").Raw(wire.FormatRanges(wire.Compact(numbers)))
		}
	}
	if want.count {
		s.out.Raw(" COUNT ").Num(int64(len(numbers)))
	}
	s.out.CRLF()
}

// program takes the arguments of SEARCH. Its own errors, which are no matter
// of syntax, are in p.err.
func (p *parser) program() (results, node) {
	want := results{all: true}
	word := p.word()
	if word == "RETURN" {
		want = p.results()
		p.d.SP()
		word = p.word()
	}
	if word == "CHARSET" {
		p.d.SP()
		p.setCharset(p.d.AString())
		p.d.SP()
		word = p.word()
	}
	keys := and{p.key(word)}
	for p.d.TakeSP() {
		keys = append(keys, p.key(p.word()))
	}
	return want, keys.simple()
}

// results takes the list behind RETURN. An empty one means ALL.
func (p *parser) results() results {
	want := results{given: true}
	p.d.SP()
	p.d.List(func() {
		switch w := p.d.Word(); w {
		case "MIN":
			want.min = true
		case "MAX":
			want.max = true
		case "ALL":
			want.all = true
		case "COUNT":
			want.count = true
		case "SAVE":
			want.save = true
		default:
			p.d.Fail("there is no search result %s", w)
		}
	})
	if !want.min && !want.max && !want.count && !want.save {
		want.all = true
	}
	return want
}

var errCharset = no("BADCHARSET (US-ASCII UTF-8)", "That charset is not known here")

// setCharset takes what strings are in. After ENABLE UTF8=ACCEPT they are in
// UTF-8, and another charset is the client's mistake (RFC 6855 §3).
func (p *parser) setCharset(name string) {
	if strings.EqualFold(name, "UTF-8") || strings.EqualFold(name, "US-ASCII") {
		return
	}
	if p.utf8 {
		p.d.Fail("CHARSET does not go with UTF8=ACCEPT")
		return
	}
	if _, err := charset.Reader(name, bytes.NewReader(nil)); err != nil {
		p.err = errCharset
	}
	p.charset = name
}

// text takes a string to look for.
func (p *parser) text() string {
	s := p.d.AString()
	if p.charset == "" || p.err != nil {
		return fold(s)
	}
	r, err := charset.Reader(p.charset, strings.NewReader(s))
	if err != nil {
		p.err = errCharset
		return ""
	}
	b, err := io.ReadAll(r)
	if err != nil {
		p.err = errCharset
	}
	return fold(string(b))
}
