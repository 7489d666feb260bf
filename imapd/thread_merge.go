package imapd

// bySubject is step 5 of REFERENCES: threads of one base subject are joined.
type bySubject struct {
	links  []link
	parent []int32 // of messages
	nodes  int32   // messages and dummies

	roots   []int32          // in order (step 4)
	subject map[int32]uint64 // of a dummy: its first child's
	table   map[uint64]int32 // the thread that has a subject (5.A)
	gone    map[int32]int32  // dummies, and which took their children
}

// join changes parents. order is all messages by sent date.
func (b *bySubject) join(order []int32) {
	b.gatherRoots(order)
	b.table = make(map[uint64]int32, len(b.roots))
	for _, r := range b.roots { // 5.B
		subject := b.subjectOf(r)
		if subject == 0 {
			continue
		}
		t, ok := b.table[subject]
		if !ok || !b.dummy(t) && (b.dummy(r) || b.links[t].reply && !b.links[r].reply) {
			b.table[subject] = r
		}
	}
	b.gone = map[int32]int32{}
	for _, r := range b.roots { // 5.C
		if subject := b.subjectOf(r); subject != 0 {
			b.merge(r, subject)
		}
	}
	if len(b.gone) == 0 {
		return
	}
	for i, p := range b.parent {
		if taker, ok := b.gone[p]; ok {
			b.parent[i] = taker
		}
	}
}

func (b *bySubject) dummy(n int32) bool { return int(n) >= len(b.parent) }

// gatherRoots finds the roots in the order of step 4: a dummy stands where its
// first child would.
func (b *bySubject) gatherRoots(order []int32) {
	b.subject = map[int32]uint64{}
	for _, n := range order {
		p := b.parent[n]
		if p == none {
			b.roots = append(b.roots, n)
			continue
		}
		if !b.dummy(p) {
			continue
		}
		if _, seen := b.subject[p]; !seen {
			b.subject[p] = b.links[n].subject
			b.roots = append(b.roots, p)
		}
	}
}

func (b *bySubject) subjectOf(n int32) uint64 {
	if b.dummy(n) {
		return b.subject[n]
	}
	return b.links[n].subject
}

// merge is 5.C for one root: what becomes of it beside the thread that the
// table has for its subject.
func (b *bySubject) merge(r int32, subject uint64) {
	t := b.table[subject]
	switch {
	case t == r:
	case b.dummy(t) && b.dummy(r):
		b.gone[r] = t
	case b.dummy(t):
		b.parent[r] = t
	case b.links[r].reply && !b.links[t].reply:
		b.parent[r] = t
	default:
		d := b.nodes
		b.nodes++
		b.parent[r], b.parent[t] = d, d
		b.table[subject] = d
	}
}
