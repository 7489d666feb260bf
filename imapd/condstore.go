package imapd

import (
	"strconv"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// CONDSTORE (RFC 7162 §3.1). The store gives each operation a modification
// sequence, so that a client which was told n can ask for what came after n.
// What must never happen is that it believes itself at n while a change at or
// below n was kept from it: settle sees to that.

// useModSeq notes that the client has given a CONDSTORE enabling command: from
// now on each FETCH response has MODSEQ.
func (s *session) useModSeq() { s.condstore = true }

// writeModSeq writes the value of MODSEQ in a FETCH response.
func (s *session) writeModSeq(n store.ModSeq) {
	s.out.Raw("(").Num(int64(n)).Raw(")")
	s.view.told = max(s.view.told, n)
}

func (f *fetcher) writeModSeq(m *fetched) { f.s.writeModSeq(m.row.ModSeq) }

// settle keeps the client from believing itself further than it is. After a
// tagged response it takes the greatest MODSEQ it was told for its own
// HIGHESTMODSEQ, unless it is told another one, which then counts (RFC 7162
// §6). So it is told another one where changes below the greatest are still to
// come, because they come with expunges that have to wait; and, with QRESYNC,
// where messages vanished, which has no MODSEQ to be told with (§3.2.7).
func (v *view) settle(s *session, c *call, err error) {
	told, vanished, whole := v.told, v.vanished, v.seen.box.ModSeq
	v.told, v.vanished, v.before = 0, false, nil
	if v.gone || told <= whole && !(vanished && s.qresync) {
		return
	}
	s.sayHighest(c, err, whole)
}

// sayHighest gives HIGHESTMODSEQ with the tagged OK, or before a response that
// has no room for it.
func (s *session) sayHighest(c *call, err error, n store.ModSeq) {
	code := highestModSeq(n)
	if err == nil && c.code == "" {
		c.code = code
		return
	}
	s.untagged("OK", code, "Highest")
}

func highestModSeq(n store.ModSeq) string {
	return "HIGHESTMODSEQ " + strconv.FormatInt(int64(n), 10)
}

// since gives those of the messages that came or changed since.
func (v *version) since(numbers []wire.Range, since store.ModSeq) []wire.Range {
	return v.where(numbers, func(r store.Row) bool { return r.ModSeq > since })
}

// takeChangedSince takes FETCH's CHANGEDSINCE (RFC 7162 §3.1.4.1).
func takeChangedSince(_ *session, c *call, m *fetchModifiers) {
	c.dec.SP()
	m.changed, m.since = true, store.ModSeq(c.dec.Number64())
}

// takeUnchangedSince takes STORE's modifiers, of which there is one: what
// UNCHANGEDSINCE says, or -1 (RFC 7162 §3.1.3).
func takeUnchangedSince(d *wire.Decoder) store.ModSeq {
	since := store.ModSeq(-1)
	if !d.At('(') {
		return since
	}
	d.List(func() {
		if word := d.Word(); word != "UNCHANGEDSINCE" || since >= 0 {
			d.Fail("%q is not a modifier of STORE here", word)
		}
		d.SP()
		since = store.ModSeq(d.Number64())
	})
	if since < 0 {
		d.Fail("expected a modifier")
	}
	d.SP()
	return since
}

// modseq is the key MODSEQ (RFC 7162 §3.1.5). What the metadata item says does
// not matter: a message has one modification sequence for all its flags.
func (p *parser) modseq() node {
	if p.arg().At('"') {
		p.d.AString()
		switch p.d.SP(); p.d.Word() {
		case "ALL", "PRIV", "SHARED":
		default:
			p.d.Fail("expected all, priv or shared")
		}
		p.d.SP()
	}
	p.modseqs = true
	n := store.ModSeq(p.d.Number64())
	return rowKey(func(_ uint32, r store.Row) bool { return r.ModSeq >= n })
}

// mark notes the modification sequences of what was found, which the answer
// tells because the program asked for MODSEQ.
func (v *version) mark(found []hit) {
	for i := range found {
		found[i].modseq = v.row(found[i].n).ModSeq
	}
}

// highest is the greatest modification sequence of hits that were marked; 0 for
// others.
func highest(found []hit) (n store.ModSeq) {
	for _, h := range found {
		n = max(n, h.modseq)
	}
	return n
}

// highest is that of the hits the client is told of (RFC 7162 §3.1.10, RFC 9394
// §3.2).
func (r results) highest(found []hit) (n store.ModSeq) {
	if r.all || r.count || len(found) == 0 {
		return highest(found)
	}
	if r.min {
		n = found[0].modseq
	}
	if r.max {
		n = max(n, found[len(found)-1].modseq)
	}
	if r.partial != nil {
		n = max(n, highest(r.partial.of(found)))
	}
	return n
}
