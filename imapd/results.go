package imapd

import (
	"slices"
	"strconv"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// hit is a message that was found.
type hit struct {
	n      uint32
	uid    store.UID
	modseq store.ModSeq // 0: the client did not ask
	score  uint8        // what FUZZY made of it; 0: it was not asked
}

// id is what the client is told: a UID, or the message number.
func (h hit) id(uid bool) uint32 {
	if uid {
		return uint32(h.uid)
	}
	return h.n
}

// results is what RETURN asked for (RFC 9051 §6.4.4, RFC 4731, RFC 5267,
// RFC 9394).
type results struct {
	given                      bool // RETURN was there
	min, max, all, count, save bool
	partial                    *window
	update                     bool // RFC 5267 §4.3
	relevancy                  bool // RFC 6203 §4
}

// silent says that SAVE alone was asked for, which the tagged OK answers.
func (r results) silent() bool {
	return r.save && !r.min && !r.max && !r.all && !r.count && r.partial == nil
}

// resultOptions are the words in RETURN, by what takes their arguments.
var resultOptions = map[string]func(p *parser, r *results){
	"MIN":       func(_ *parser, r *results) { r.min = true },
	"MAX":       func(_ *parser, r *results) { r.max = true },
	"ALL":       func(_ *parser, r *results) { r.all = true },
	"COUNT":     func(_ *parser, r *results) { r.count = true },
	"SAVE":      func(_ *parser, r *results) { r.save = true },
	"PARTIAL":   (*parser).partial,
	"UPDATE":    func(_ *parser, r *results) { r.update = true },
	"RELEVANCY": func(p *parser, r *results) { r.relevancy, p.needsRank = true, true },
	"CONTEXT":   func(*parser, *results) {}, // a hint (RFC 5267 §4.2), and nothing is gained from it here
}

// results takes the list behind RETURN. One that names no result means ALL.
func (p *parser) results() results {
	want := results{given: true}
	p.d.SP()
	p.d.List(func() {
		word := p.d.Word()
		take, ok := resultOptions[word]
		if !ok {
			p.d.Fail("there is no search result %s", word)
			return
		}
		take(p, &want)
	})
	if want.all && want.partial != nil {
		p.d.Fail("ALL and PARTIAL exclude each other") // RFC 9394 §3.1
	}
	if !want.min && !want.max && !want.count && !want.save && want.partial == nil {
		want.all = true
	}
	return want
}

// partial takes PARTIAL's range.
func (p *parser) partial(r *results) {
	if r.partial != nil {
		p.d.Fail("PARTIAL can be asked for once") // RFC 9394 §3.1
	}
	w := takeWindow(p.arg())
	r.partial = &w
}

// kept is what SAVE keeps: everything, unless only the ends or a part of the
// result were asked for; then these (RFC 9051 §6.4.4.1, RFC 9394 §3.2). UIDs
// ascend, whatever the order of found.
func (r results) kept(found []hit) []store.UID {
	var out []store.UID
	keep := func(some []hit) {
		for _, h := range some {
			out = append(out, h.uid)
		}
	}
	switch {
	case len(found) == 0:
	case r.all, r.count, !r.min && !r.max && r.partial == nil:
		keep(found)
	default:
		if r.partial != nil {
			keep(r.partial.of(found))
		}
		if r.min {
			keep(found[:1])
		}
		if r.max {
			keep(found[len(found)-1:])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// writeExtended answers with ESEARCH (RFC 4731 §3.1): found is in the order
// that was asked for, so that MIN and MAX are its ends (RFC 5267 §3.1). in is the
// mailbox that it is of, where the client must be told (RFC 7377 §2.1), or nil.
func (s *session) writeExtended(c *call, in *view, want results, found []hit) {
	s.out.Raw("* ESEARCH (TAG ").String(c.tag)
	if in != nil {
		s.out.Raw(" MAILBOX ").Mailbox(in.name).Raw(" UIDVALIDITY ").Num(int64(in.seen.box.UIDValidity))
	}
	s.out.Raw(")")
	if c.uid() {
		s.out.Raw(" UID")
	}
	if n := len(found); n > 0 {
		if want.min {
			s.out.Raw(" MIN ").Num(int64(found[0].id(c.uid())))
		}
		if want.max {
			s.out.Raw(" MAX ").Num(int64(found[n-1].id(c.uid())))
		}
		if want.all {
			s.out.Raw(" ALL ").Raw(formatHits(found, c.uid()))
		}
	}
	if want.partial != nil {
		s.out.Raw(" PARTIAL (").Raw(want.partial.String()).SP()
		if part := want.partial.of(found); len(part) > 0 {
			s.out.Raw(formatHits(part, c.uid()))
		} else {
			s.out.Raw("NIL")
		}
		s.out.Raw(")")
	}
	if want.count {
		s.out.Raw(" COUNT ").Num(int64(len(found)))
	}
	if want.relevancy {
		s.writeRelevancy(want, found)
	}
	if m := want.highest(found); m > 0 {
		s.out.Raw(" MODSEQ ").Num(int64(m)) // RFC 7162 §3.1.10
	}
	s.out.CRLF()
}

// writeRelevancy tells how relevant each message is that ALL or PARTIAL told, in
// the same order (RFC 6203 §4).
func (s *session) writeRelevancy(want results, found []hit) {
	switch {
	case want.partial != nil:
		found = want.partial.of(found)
	case !want.all:
		return
	}
	for i, h := range found {
		if i == 0 {
			s.out.Raw(" RELEVANCY (")
		} else {
			s.out.SP()
		}
		s.out.Num(int64(h.relevancy()))
	}
	if len(found) > 0 {
		s.out.Raw(")")
	}
}

// formatHits writes hits as a sequence set that keeps their order.
func formatHits(found []hit, uid bool) string {
	ids := make([]uint32, len(found))
	for i, h := range found {
		ids[i] = h.id(uid)
	}
	return wire.FormatRanges(wire.Compact(ids))
}

// window is a range of PARTIAL: the results from first to last, counted from 1,
// or from the end where they are negative. |first| <= |last|.
type window struct{ first, last int64 }

// takeWindow takes a partial-range (RFC 9394 §4): 1:500, or -1:-500.
func takeWindow(d *wire.Decoder) window {
	sign := int64(1)
	if d.Take('-') {
		sign = -1
	}
	a := takePosition(d)
	d.Need(':')
	if sign < 0 {
		d.Need('-')
	}
	b := takePosition(d)
	return window{sign * min(a, b), sign * max(a, b)}
}

func takePosition(d *wire.Decoder) int64 {
	n := d.Number64()
	if n == 0 || n > 1<<32-1 {
		d.Fail("expected a position from 1 on")
		return 1
	}
	return n
}

func (w window) String() string {
	return strconv.FormatInt(w.first, 10) + ":" + strconv.FormatInt(w.last, 10)
}

// of gives the part of found that lies in the window, in found's order.
func (w window) of(found []hit) []hit {
	from, to := w.span(int64(len(found)))
	return found[from:to]
}

// span gives the window's part of n things as a half-open interval.
func (w window) span(n int64) (from, to int64) {
	if w.first > 0 {
		return min(w.first-1, n), min(w.last, n)
	}
	return max(n+w.last, 0), max(n+w.first+1, 0)
}
