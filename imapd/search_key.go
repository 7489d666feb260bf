package imapd

import (
	"slices"
	"sort"
	"time"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// parser takes a search program. It knows nothing of a mailbox: bind does that.
type parser struct {
	d       *wire.Decoder
	utf8    bool
	charset string
	keys    int
	aging   bool // what is found changes with time alone
	modseqs bool // MODSEQ is among the keys
	err     error

	numbered bool // message numbers or "$" are in it
	inexact  bool // within FUZZY
	ranked   bool // FUZZY was there
	fuzzies  int  // words within FUZZY

	needsRank bool // what was asked for makes sense with FUZZY only
}

// word takes the keyword at the start of a key; "" when a set or a parenthesis
// stands there.
func (p *parser) word() string {
	if p.d.At('(') || p.d.At('*') || p.d.At('$') {
		return ""
	}
	for c := byte('1'); c <= '9'; c++ {
		if p.d.At(c) {
			return ""
		}
	}
	return p.d.Word()
}

// key takes the rest of a search key whose keyword was taken.
func (p *parser) key(word string) node {
	if p.keys++; p.keys > maxKeys {
		p.d.Fail("more than %d search keys", maxKeys)
	}
	if p.d.Err() != nil {
		return constant(fails)
	}
	switch word {
	case "":
		if !p.d.At('(') {
			return p.numbers(p.d.Numbers())
		}
		var keys and
		p.d.List(func() { keys = append(keys, p.key(p.word())) })
		if len(keys) == 0 {
			p.d.Fail("expected a search key")
		}
		return keys.simple()
	case "NOT":
		return not{p.next()}
	case "FUZZY":
		return p.fuzzy()
	case "OR":
		a := p.next()
		return or{a, p.next()}
	}
	if k, ok := flagKeys[word]; ok {
		return flagKey(k)
	}
	if take, ok := keys[word]; ok {
		return take(p)
	}
	p.d.Fail("there is no search key %s", word)
	return constant(fails)
}

// next takes a space and a key.
func (p *parser) next() node {
	p.d.SP()
	return p.key(p.word())
}

// arg takes the space before an argument.
func (p *parser) arg() *wire.Decoder {
	p.d.SP()
	return p.d
}

// flagKeys are the keys about system flags.
var flagKeys = map[string]struct{ mask, want store.Flags }{
	"ANSWERED": {store.FlagAnswered, store.FlagAnswered}, "UNANSWERED": {store.FlagAnswered, 0},
	"DELETED": {store.FlagDeleted, store.FlagDeleted}, "UNDELETED": {store.FlagDeleted, 0},
	"DRAFT": {store.FlagDraft, store.FlagDraft}, "UNDRAFT": {store.FlagDraft, 0},
	"FLAGGED": {store.FlagFlagged, store.FlagFlagged}, "UNFLAGGED": {store.FlagFlagged, 0},
	"SEEN": {store.FlagSeen, store.FlagSeen}, "UNSEEN": {store.FlagSeen, 0},
}

// keys are the others, by what takes their arguments.
var keys = map[string]func(p *parser) node{
	"ALL":       func(*parser) node { return constant(holds) },
	"NEW":       func(p *parser) node { return and{p.recent(), flagKey(flagKeys["UNSEEN"])} },
	"OLD":       func(p *parser) node { return not{p.recent()} },
	"RECENT":    (*parser).recent,
	"KEYWORD":   func(p *parser) node { return p.keyword() },
	"UNKEYWORD": func(p *parser) node { return not{p.keyword()} },
	"UID":       func(p *parser) node { return p.uids(p.arg().Set()) },
	"UIDAFTER":  func(p *parser) node { return p.uidBeyond(uidsAfter) },
	"UIDBEFORE": func(p *parser) node { return p.uidBeyond(uidsBefore) },
	"LARGER": func(p *parser) node {
		n := p.arg().Number64()
		return sizeKey(func(size int64) bool { return size > n })
	},
	"SMALLER": func(p *parser) node {
		n := p.arg().Number64()
		return sizeKey(func(size int64) bool { return size < n })
	},
	"BEFORE":            func(p *parser) node { return internalKey(p.day(before)) },
	"ON":                func(p *parser) node { return internalKey(p.day(on)) },
	"SINCE":             func(p *parser) node { return internalKey(p.day(since)) },
	"OLDER":             func(p *parser) node { return p.age(older) },
	"YOUNGER":           func(p *parser) node { return p.age(younger) },
	"SAVEDBEFORE":       func(p *parser) node { return savedKey(p.day(before)) },
	"SAVEDON":           func(p *parser) node { return savedKey(p.day(on)) },
	"SAVEDSINCE":        func(p *parser) node { return savedKey(p.day(since)) },
	"SAVEDATESUPPORTED": func(*parser) node { return constant(holds) },
	"MODSEQ":            (*parser).modseq,
	"EMAILID":           (*parser).emailID,
	"THREADID":          (*parser).threadID,
	"SENTBEFORE":        func(p *parser) node { return sentKey(p.day(before)) },
	"SENTON":            func(p *parser) node { return sentKey(p.day(on)) },
	"SENTSINCE":         func(p *parser) node { return sentKey(p.day(since)) },
	"BCC":               func(p *parser) node { return p.field("Bcc") },
	"CC":                func(p *parser) node { return p.field("Cc") },
	"FROM":              func(p *parser) node { return p.field("From") },
	"SUBJECT":           func(p *parser) node { return p.field("Subject") },
	"TO":                func(p *parser) node { return p.field("To") },
	"HEADER":            func(p *parser) node { return p.field(p.arg().AString()) },
	"BODY":              func(p *parser) node { p.arg(); return p.bodyTextKey(p.text()) },
	"TEXT":              func(p *parser) node { p.arg(); return p.anyText(p.text()) },
}

// field takes the string to look for in a header field. The empty string asks
// whether the field is there.
func (p *parser) field(name string) node {
	p.arg()
	return p.fieldText(name, p.text())
}

func (p *parser) recent() node {
	return viewKey(func(v *view) node {
		return rowKey(func(_ uint32, r store.Row) bool { return v.isRecent(r.UID) })
	})
}

func (p *parser) keyword() node {
	name := []string{p.arg().Flag()}
	return viewKey(func(v *view) node {
		mask := v.seen.bits(name)
		return rowKey(func(_ uint32, r store.Row) bool { return r.Flags&mask != 0 })
	})
}

func (p *parser) numbers(set wire.Set) node {
	if p.d.Err() != nil {
		return constant(fails)
	}
	p.numbered = true
	return numbersKey{set}
}

func (p *parser) uids(set wire.Set) node {
	if p.d.Err() != nil {
		return constant(fails)
	}
	if set.Saved {
		return p.numbers(set)
	}
	return viewKey(func(v *view) node { return rangesKey(v.among(set.Resolve(uint32(v.seen.last())))) })
}

// within looks n up in ascending, disjoint ranges.
func within(ranges []wire.Range, n uint32) bool {
	i := sort.Search(len(ranges), func(i int) bool { return ranges[i].B >= n })
	return i < len(ranges) && ranges[i].A <= n
}

// Dates are compared as days, without regard to time and zone (RFC 9051
// §6.4.4): each date as its own header or INTERNALDATE wrote it.
func (p *parser) day(is func(a, b int) bool) func(time.Time) bool {
	want := dayOf(p.arg().Date())
	return func(t time.Time) bool { return is(dayOf(t), want) }
}

func dayOf(t time.Time) int {
	y, m, d := t.Date()
	return (y*100+int(m))*100 + d
}

func before(a, b int) bool { return a < b }
func on(a, b int) bool     { return a == b }
func since(a, b int) bool  { return a >= b }

// simple is the conjunction itself, its cheap keys first, or its only key.
func (a and) simple() node {
	if len(a) == 1 {
		return a[0]
	}
	slices.SortStableFunc(a, func(x, y node) int { return int(x.needs()) - int(y.needs()) })
	return a
}
