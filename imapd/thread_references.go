package imapd

import "slices"

// The algorithm REFERENCES (RFC 5256 §3), which is Zawinski's, and REFS
// (draft-ietf-morg-inthread), which does without subjects.
//
// Step 1 reads as if links were made, broken and made again. Here none is ever
// broken: a link to a message whose own references are still to come would be
// broken when they come (step 1.B), so it is not made at all. Then whatever gets
// a parent is the root of its tree, and a link would close a loop just when both
// of its ends are in one tree already, which union-find tells at once, however
// deep the trees are. This differs from the letter only where a link that was to
// be broken would have kept another from being made: among references that
// contradict each other.

// kinship is the forest of steps 1 and 2. Nodes from messages on are dummies.
type kinship struct {
	messages int32
	parent   []int32
	tree     []int32 // union-find
	steps    int     // up trees, in all: what a test holds to be few
}

// kin links messages by their references.
func kin(links []link) *kinship {
	k := &kinship{messages: int32(len(links)), parent: filled(len(links)), tree: make([]int32, len(links))}
	nodes := make(map[uint64]int32, len(links))
	for i, l := range links {
		k.tree[i] = int32(i)
		if _, twice := nodes[l.id]; l.id != 0 && !twice { // of an id that is there twice, the first has it
			nodes[l.id] = int32(i)
		}
	}
	for i, l := range links {
		last := none
		for _, id := range l.refs {
			n, ok := nodes[id]
			if !ok {
				n = k.dummy()
				nodes[id] = n
			}
			if n < int32(i) || n >= k.messages {
				k.link(last, n)
			}
			last = n
		}
		k.link(last, int32(i))
	}
	return k
}

func (k *kinship) dummy() int32 {
	n := int32(len(k.parent))
	k.parent, k.tree = append(k.parent, none), append(k.tree, n)
	return n
}

// link makes a the parent of b, unless b has one or it would close a loop.
func (k *kinship) link(a, b int32) {
	if a == none || k.parent[b] != none {
		return
	}
	if x, y := k.find(a), k.find(b); x != y {
		k.parent[b] = a
		k.tree[y] = x
	}
}

// find gives the name of the tree that n is in, and makes the way there shorter.
func (k *kinship) find(n int32) int32 {
	for ; k.tree[n] != n; k.steps++ {
		k.tree[n] = k.tree[k.tree[n]]
		n = k.tree[n]
	}
	return n
}

// prune is step 3: no dummy is left but those that are roots of several
// messages. It gives each message's parent.
func (k *kinship) prune() []int32 {
	above := k.above()
	parent := make([]int32, k.messages)
	children := make([]int32, len(k.parent)) // of dummies
	for i := range parent {
		if parent[i] = k.parent[i]; parent[i] >= k.messages {
			parent[i] = above[parent[i]-k.messages]
		}
		if parent[i] >= k.messages {
			children[parent[i]]++
		}
	}
	for i, p := range parent {
		if p >= k.messages && children[p] == 1 {
			parent[i] = none
		}
	}
	return parent
}

// above gives for each dummy the message nearest above it, or else the root,
// which is a dummy then.
func (k *kinship) above() []int32 {
	above := filled(len(k.parent) - int(k.messages))
	var way []int32
	for d := k.messages; d < int32(len(k.parent)); d++ {
		n := d
		way = way[:0]
		for n >= k.messages && above[n-k.messages] == none && k.parent[n] != none {
			way = append(way, n)
			n = k.parent[n]
			k.steps++
		}
		if n >= k.messages && above[n-k.messages] != none {
			n = above[n-k.messages]
		}
		above[d-k.messages] = n
		for _, w := range way {
			above[w-k.messages] = n
		}
	}
	return above
}

// references is REFERENCES.
func (g *gists) references(hits []hit) *threads {
	links, order := g.links.of(hits), bySent(g.numbers[factSent].of(hits))
	k := kin(links)
	b := bySubject{links: links, parent: k.prune(), nodes: int32(len(k.parent))}
	b.join(order)
	return plant(b.parent, order, int(b.nodes)) // steps 4 and 6
}

// refs is REFS: REFERENCES without step 5, and the threads stand in the order of
// the INTERNALDATEs of their newest messages.
func (g *gists) refs(hits []hit) *threads {
	order := bySent(g.numbers[factSent].of(hits))
	k := kin(g.links.of(hits))
	t := plant(k.prune(), order, len(k.parent))
	t.sortRoots(g.numbers[factArrival].of(hits))
	return t
}

// sortRoots puts threads in the order of the newest message in each.
func (t *threads) sortRoots(arrival []int64) {
	var roots []int32
	var newest []int64 // by root
	var below []int32
	for r := t.first; r != none; r = t.next[r] {
		latest := int64(-1 << 63)
		below = append(below[:0], r)
		for len(below) > 0 {
			n := below[len(below)-1]
			below = below[:len(below)-1]
			if n < t.messages {
				latest = max(latest, arrival[n])
			}
			for c := t.child[n]; c != none; c = t.next[c] {
				below = append(below, c)
			}
		}
		roots, newest = append(roots, r), append(newest, latest)
	}
	order := bySent(newest)
	slices.Reverse(order) // threaded from the back
	t.first = none
	for _, i := range order {
		t.next[roots[i]], t.first = t.first, roots[i]
	}
}
