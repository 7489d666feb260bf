package imapd

import (
	"bytes"
	"io"
	"strings"

	"github.com/emersion/go-message/charset"

	"posthorn/message"
)

// search is SEARCH and UID SEARCH (RFC 9051 §6.4.4).
func (s *session) search(c *call) error {
	c.dec.SP()
	p := parser{d: c.dec, utf8: s.utf8}
	want, key := p.program()
	found, err := s.find(c, &p, want, key, nil)
	if err != nil {
		return err
	}
	s.writeFound(c, want, found)
	return nil
}

// find ends the taking of a program, runs it on the selected mailbox, puts what
// it finds in order if one was asked for, and keeps it for SAVE: RFC 9051
// §6.4.4.1, a NO empties $, a BAD leaves it.
func (s *session) find(c *call, p *parser, want results, key node, by []criterion) (found []hit, err error) {
	if err := c.dec.End(); err != nil {
		return nil, err
	}
	if err := s.mayUpdate(c, want); err != nil {
		return nil, err
	}
	if p.modseqs {
		s.useModSeq()
		defer func() { s.view.seen.mark(found) }()
	}
	if err = p.err; err == nil {
		f := finder{s: s, box: s.view.box, seen: s.view.seen, key: bind(key, s.view)}
		if f.among, err = s.limit(c, f.span()); err == nil {
			found, err = f.run(c.ctx)
		}
	}
	if err == nil && by != nil {
		found, err = s.order(c.ctx, found, by)
	}
	if want.save {
		s.view.saved = nil
		if err == nil {
			s.view.saved = want.kept(found)
		}
	}
	if err == nil && want.update {
		s.keepUpdating(c, p, key, by, found)
	}
	return found, err
}

// writeFound answers: with ESEARCH when RETURN was used or IMAP4rev2 is
// enabled, else with SEARCH.
func (s *session) writeFound(c *call, want results, found []hit) {
	switch {
	case !want.given && !s.rev2:
		s.writeHits("SEARCH", c.uid(), found)
	case !want.silent():
		s.writeExtended(c, nil, want, found)
	}
}

// writeHits answers as it was before there was ESEARCH.
func (s *session) writeHits(name string, uid bool, found []hit) {
	s.out.Raw("* ").Raw(name)
	for _, h := range found {
		s.out.SP().Num(int64(h.id(uid)))
	}
	if m := highest(found); m > 0 {
		s.out.Raw(" (MODSEQ ").Num(int64(m)).Raw(")") // RFC 7162 §3.1.5
	}
	s.out.CRLF()
}

// program takes the arguments of SEARCH. Its own errors, which are no matter
// of syntax, are in p.err.
func (p *parser) program() (results, node) { return p.programOf(p.word()) }

// programOf is program whose first word was taken.
func (p *parser) programOf(word string) (results, node) {
	want := results{all: true}
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
	return want, p.criteria(word)
}

// criteria takes search keys to the end of the command; the keyword of the
// first was taken.
func (p *parser) criteria(word string) node {
	keys := and{p.key(word)}
	for p.d.TakeSP() {
		keys = append(keys, p.key(p.word()))
	}
	if p.needsRank && !p.ranked {
		p.d.Fail("RELEVANCY goes with FUZZY") // RFC 6203 §4
	}
	return keys.simple()
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

// text takes a string to look for, and folds it.
func (p *parser) text() []byte {
	s := p.d.AString()
	if p.charset == "" || p.err != nil {
		return []byte(message.Fold(s))
	}
	r, err := charset.Reader(p.charset, strings.NewReader(s))
	if err != nil {
		p.err = errCharset
		return nil
	}
	b, err := io.ReadAll(r)
	if err != nil {
		p.err = errCharset
	}
	return message.AppendFold(nil, b)
}
