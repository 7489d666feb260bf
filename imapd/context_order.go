package imapd

import (
	"context"
	"slices"

	"posthorn/store"
)

// change is messages that stand behind one another in a result, and at which
// position; 0 for a result in the order of the mailbox.
type change struct {
	position int
	hits     []hit
}

// remove takes messages out of the result and gives the changes, each of which
// is true when those before it were made (RFC 5267 §4.3.4).
func (x *searchContext) remove(v *version, gone map[store.UID]bool) (removed []change) {
	if len(gone) == 0 {
		return nil
	}
	left := x.found[:0]
	within := false
	for _, u := range x.found {
		if !gone[u] {
			left, within = append(left, u), false
			continue
		}
		n, _ := v.number(u)
		removed = x.append(removed, within, len(left)+1, hit{n: n, uid: u})
		within = true
	}
	x.found = left
	return removed
}

// append adds a message to the last change when it stands behind that, or makes
// one of its own.
func (x *searchContext) append(changes []change, within bool, position int, h hit) []change {
	if x.by == nil {
		position, within = 0, len(changes) > 0
	}
	if !within {
		return append(changes, change{position, []hit{h}})
	}
	last := &changes[len(changes)-1]
	last.hits = append(last.hits, h)
	return changes
}

// add puts messages (ascending) into the result and gives the changes (§4.3.3).
func (x *searchContext) add(ctx context.Context, s *session, v *view, new []hit) (added []change, err error) {
	if len(new) == 0 {
		return nil, nil
	}
	all := make([]hit, 0, len(x.found)+len(new))
	isNew := make(map[store.UID]bool, len(new))
	for _, u := range x.found {
		n, _ := v.seen.number(u)
		all = append(all, hit{n: n, uid: u})
	}
	for _, h := range new {
		all = append(all, h)
		isNew[h.uid] = true
	}
	slices.SortFunc(all, func(a, b hit) int { return int(int64(a.uid) - int64(b.uid)) })
	if x.by != nil {
		if all, err = s.order(ctx, all, x.by); err != nil {
			return nil, err
		}
	}
	x.found = x.found[:0]
	within := false
	for _, h := range all {
		x.found = append(x.found, h.uid)
		if within = within && isNew[h.uid]; isNew[h.uid] {
			added = x.append(added, within, len(x.found), h)
			within = true
		}
	}
	return added, nil
}

// writeUpdate tells the changes of a context.
func (s *session) writeUpdate(x *searchContext, removed, added []change) {
	if len(removed) == 0 && len(added) == 0 {
		return
	}
	s.out.Raw("* ESEARCH (TAG ").String(x.tag).Raw(")")
	if x.uid {
		s.out.Raw(" UID")
	}
	for _, item := range []struct {
		name    string
		changes []change
	}{{" REMOVEFROM (", removed}, {" ADDTO (", added}} {
		for i, c := range item.changes {
			if i == 0 {
				s.out.Raw(item.name)
			} else {
				s.out.SP()
			}
			s.out.Num(int64(c.position)).SP().Raw(formatHits(c.hits, x.uid))
		}
		if len(item.changes) > 0 {
			s.out.Raw(")")
		}
	}
	s.out.CRLF()
}
