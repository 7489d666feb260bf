package imapd

import "slices"

// threadAlgorithms are the ways of THREAD, by name, with the facts they need.
// Each gets messages in ascending order of their numbers.
var threadAlgorithms = map[string]struct {
	facts factSet
	run   func(g *gists, hits []hit) *threads
}{
	"ORDEREDSUBJECT": {factsOf(factSent, factLink), (*gists).orderedSubject},
	"REFERENCES":     {factsOf(factSent, factLink), (*gists).references},
	"REFS":           {factsOf(factSent, factArrival, factLink), (*gists).refs},
}

// thread is THREAD and UID THREAD (RFC 5256 §3).
func (s *session) thread(c *call) error {
	c.dec.SP()
	name := c.dec.Word()
	algorithm, ok := threadAlgorithms[name]
	if !ok {
		c.dec.Fail("there is no thread algorithm %s", name)
	}
	c.dec.SP()
	p := parser{d: c.dec, utf8: s.utf8}
	p.setCharset(c.dec.AString())
	c.dec.SP()
	key := p.criteria(p.word())
	found, err := s.find(c, &p, results{}, key, nil)
	if err != nil {
		return err
	}
	kept := s.srv.gists.take(s.view.box.id)
	defer s.srv.gists.put(kept)
	var t *threads
	err = kept.of(c.ctx, s.view.box, s.view.seen, found, algorithm.facts, func(g *gists) { t = algorithm.run(g, found) })
	if err != nil {
		return err
	}
	t.write(s.out, found, c.uid())
	return nil
}

// threads is messages in trees. A node is a message, by its place in the list
// of those found, or beyond them a dummy: a message that others refer to and
// that is not there. None is -1. Nothing walks these trees by recursion: a
// mailbox may be one thread that is as deep as it is long.
type threads struct {
	messages int32
	first    int32   // of the roots
	child    []int32 // the first of each node
	next     []int32 // sibling of each node
}

const none = int32(-1)

// bySent is the places of messages in the order of their sent dates, those of
// one moment in the order of their numbers.
func bySent(sent []int64) []int32 {
	places := make([]ranked, len(sent))
	for i := range sent {
		places[i] = ranked{sent[i], int32(i)}
	}
	slices.SortFunc(places, func(a, b ranked) int {
		switch {
		case a.rank < b.rank:
			return -1
		case a.rank > b.rank:
			return 1
		}
		return int(a.at - b.at)
	})
	order := make([]int32, len(places))
	for i, p := range places {
		order[i] = p.at
	}
	return order
}

// plant makes threads of what each message's parent is; nodes are messages and
// dummies together. order is the messages in the order in which siblings
// stand, and a dummy stands where the first of its children would. So each list
// is in order when it is made in this one.
func plant(parent, order []int32, nodes int) *threads {
	t := &threads{messages: int32(len(parent)), first: none, child: filled(nodes), next: filled(nodes)}
	last := filled(nodes) // child of each node
	lastRoot := none
	root := func(n int32) {
		if lastRoot == none {
			t.first = n
		} else {
			t.next[lastRoot] = n
		}
		lastRoot = n
	}
	for _, n := range order {
		p := parent[n]
		switch {
		case p == none:
			root(n)
			continue
		case t.child[p] == none:
			t.child[p] = n
			if p >= t.messages {
				root(p)
			}
		default:
			t.next[last[p]] = n
		}
		last[p] = n
	}
	return t
}

// filled is n times none.
func filled(n int) []int32 {
	s := make([]int32, n)
	for i := range s {
		s[i] = none
	}
	return s
}
