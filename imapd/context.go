package imapd

import (
	"context"
	"slices"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// Contexts (RFC 5267 §4): a SEARCH or SORT with RETURN (UPDATE) goes on. Whenever
// the client is told what happened in its mailbox it is told also what that
// changes in the result. A context remembers the version of the mailbox that its
// result is of; of a later one only those messages are judged that came or whose
// flags changed. When nothing did, an update is one comparison of pointers.
//
// What the client is told is in the order that keeps message numbers right:
// REMOVEFROM of messages that are expunged before their EXPUNGE, ADDTO of new
// ones behind their EXISTS.

// Why a result is not kept up to date.
const (
	noMoreContexts  = "Too many contexts"
	notInAContext   = "What is found changes with time alone, which is not told"
	notByRelevancy  = "The order of RELEVANCY is not kept up to date"
	notOfAll        = "Not all messages were searched"
	contextGaveUp   = "The result cannot be kept up to date any more"
	contextTagInUse = "That tag belongs to a context that is still updated"
)

// searchContext is one of them.
type searchContext struct {
	tag   string
	uid   bool
	key   node        // fixed, see fix
	by    []criterion // nil: in the order of the mailbox
	at    *version
	found []store.UID // in the order asked for
}

// contexts are those of a view.
type contexts []*searchContext

// named is the context of a tag, -1 for none.
func (cs contexts) named(tag string) int {
	return slices.IndexFunc(cs, func(c *searchContext) bool { return c.tag == tag })
}

// mayUpdate refuses a tag whose first use is still being updated (§4.3).
func (s *session) mayUpdate(c *call, want results) error {
	if want.update && s.view.contexts.named(c.tag) >= 0 {
		return bad(contextTagInUse)
	}
	return nil
}

// keepUpdating makes a context of a search that was run, or says that there is
// none.
func (s *session) keepUpdating(c *call, p *parser, key node, by []criterion, found []hit) {
	v := s.view
	hits := len(found)
	for _, x := range v.contexts {
		hits += len(x.found)
	}
	why := ""
	switch {
	case c.cut != "":
		why = notOfAll
	case p.aging:
		why = notInAContext
	case slices.ContainsFunc(by, func(b criterion) bool { return b.fact == factRelevancy }):
		why = notByRelevancy
	case len(v.contexts) >= maxContexts, len(v.contexts) > 0 && hits > maxContextHits:
		why = noMoreContexts
	}
	if why != "" {
		s.noUpdate(c.tag, why)
		return
	}
	x := &searchContext{tag: c.tag, uid: c.uid(), key: fix(key, v), by: by, at: v.seen, found: make([]store.UID, len(found))}
	for i, h := range found {
		x.found[i] = h.uid
	}
	v.contexts = append(v.contexts, x)
}

// noUpdate tells that the result of a command is not updated, or no more.
func (s *session) noUpdate(tag, why string) {
	s.out.Raw("* NO [NOUPDATE ").String(tag).Raw("] ").Text(why).CRLF()
}

// cancelUpdate: RFC 5267 §4.3.5.
func (s *session) cancelUpdate(c *call) error {
	var tags []string
	for c.dec.SP(); ; c.dec.SP() {
		tags = append(tags, c.dec.String())
		if !c.dec.At(' ') {
			break
		}
	}
	if err := c.dec.End(); err != nil {
		return err
	}
	for _, tag := range tags {
		if s.view.contexts.named(tag) < 0 {
			return bad("No result of a command with that tag is updated")
		}
	}
	s.view.contexts = slices.DeleteFunc(s.view.contexts, func(x *searchContext) bool { return slices.Contains(tags, x.tag) })
	return nil
}

// expunging tells what the contexts lose, before the messages with these
// numbers lose them.
func (v *view) expunging(s *session, numbers []uint32) {
	if len(v.contexts) == 0 || len(numbers) == 0 {
		return
	}
	gone := make(map[store.UID]bool, len(numbers))
	for _, n := range numbers {
		gone[v.seen.row(n).UID] = true
	}
	for _, x := range v.contexts {
		s.writeUpdate(x, x.remove(v.seen, gone), nil)
	}
}

// update brings the contexts to the version that the client knows.
func (v *view) update(ctx context.Context, s *session) {
	v.contexts = slices.DeleteFunc(v.contexts, func(x *searchContext) bool {
		if x.at == v.seen {
			return false
		}
		err := x.update(ctx, s, v)
		if err != nil {
			s.log.Warn("context ends", "mailbox", v.seen.box.Name, "error", err)
			s.noUpdate(x.tag, contextGaveUp)
		}
		return err != nil
	})
}

// update judges what came and what changed since the last time.
func (x *searchContext) update(ctx context.Context, s *session, v *view) error {
	d := diff(x.at, v.seen, true)
	open := wire.Compact(d.changed)
	if d.added > 0 {
		open = append(open, wire.Range{A: v.seen.count - d.added + 1, B: v.seen.count})
	}
	if len(open) == 0 {
		x.at = v.seen
		return nil
	}
	f := finder{s: s, box: v.box, seen: v.seen, among: open, key: bind(x.key, v)}
	found, err := f.run(ctx)
	if err != nil {
		return err
	}
	had := make(map[store.UID]bool, len(x.found))
	for _, u := range x.found {
		had[u] = true
	}
	lost := map[store.UID]bool{}
	v.seen.each(open, func(_ uint32, r store.Row) bool {
		if had[r.UID] {
			lost[r.UID] = true
		}
		return true
	})
	var new []hit
	for _, h := range found {
		if delete(lost, h.uid); !had[h.uid] {
			new = append(new, h)
		}
	}
	removed := x.remove(v.seen, lost)
	added, err := x.add(ctx, s, v, new)
	if err != nil {
		return err
	}
	x.at = v.seen
	s.writeUpdate(x, removed, added)
	return nil
}
