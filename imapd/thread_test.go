package imapd

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// letter is a message as THREAD sees it; ids are numbers, 0 for none.
type letter struct {
	id      uint64
	refs    []uint64
	subject uint64
	reply   bool
	sent    int64
	arrival int64
}

// gistsOf makes the gists of a mailbox of letters, and its hits.
func gistsOf(letters []letter) (*gists, []hit) {
	g, hits := &gists{}, []hit{}
	for i, l := range letters {
		m := gist{uid: store.UID(i + 1), link: link{id: l.id, refs: l.refs, subject: l.subject, reply: l.reply}}
		m.numbers = [numberFacts]int64{factSent: l.sent, factArrival: l.arrival}
		g.add([]gist{m}, factsOf(factSent, factArrival, factLink))
		hits = append(hits, hit{n: uint32(i + 1), uid: store.UID(i + 1)})
	}
	return g, hits
}

// written is what the client is told.
func written(t *threads, hits []hit) string {
	var b strings.Builder
	w := bufio.NewWriter(&b)
	t.write(wire.NewEncoder(w), hits, false)
	w.Flush()
	return strings.TrimSpace(strings.TrimPrefix(b.String(), "* THREAD"))
}

// container is a node of the algorithm as RFC 5256 tells it: pointers, lists,
// recursion, every step in its place. It is what the quick one is held to.
type container struct {
	letter   *letter // nil: a dummy
	n        int
	parent   *container
	children []*container
}

func (c *container) cut() {
	if p := c.parent; p != nil {
		p.children = slices.DeleteFunc(p.children, func(o *container) bool { return o == c })
		c.parent = nil
	}
}

func (c *container) adopt(o *container) {
	o.cut()
	o.parent = c
	c.children = append(c.children, o)
}

func (c *container) isBelow(o *container) bool {
	for ; c != nil; c = c.parent {
		if c == o {
			return true
		}
	}
	return false
}

// first is what stands for a container when it is put in order.
func (c *container) first() *letter {
	if c.letter == nil {
		return c.children[0].letter
	}
	return c.letter
}

func order(a, b *container) int {
	x, y := a, b
	if x.letter == nil {
		x = x.children[0]
	}
	if y.letter == nil {
		y = y.children[0]
	}
	if x.letter.sent != y.letter.sent {
		return int(x.letter.sent - y.letter.sent)
	}
	return x.n - y.n
}

func (c *container) write(b *strings.Builder) {
	if c.letter != nil {
		b.WriteString(strconv.Itoa(c.n))
		if len(c.children) > 0 {
			b.WriteString(" ")
		}
	}
	if len(c.children) == 1 {
		c.children[0].write(b)
		return
	}
	for _, o := range c.children {
		b.WriteString("(")
		o.write(b)
		b.WriteString(")")
	}
}

// byTheLetter is REFERENCES (RFC 5256 §3). contradicted says that a link was
// not made because it would have closed a loop.
func byTheLetter(letters []letter) (threads string, contradicted bool) {
	root, contradicted := linkByTheLetter(letters)
	var prune func(c *container)
	prune = func(c *container) { // step 3
		for _, o := range slices.Clone(c.children) {
			prune(o)
		}
		for _, o := range slices.Clone(c.children) {
			switch {
			case o.letter != nil:
			case len(o.children) == 0:
				o.cut()
			case c != root || len(o.children) == 1:
				for _, p := range slices.Clone(o.children) {
					c.adopt(p)
				}
				o.cut()
			}
		}
	}
	prune(root)
	sortAll(root)
	mergeByTheLetter(root)
	sortAll(root) // step 6
	var b strings.Builder
	for _, c := range root.children {
		b.WriteString("(")
		c.write(&b)
		b.WriteString(")")
	}
	return b.String(), contradicted
}

func sortAll(c *container) {
	for _, o := range c.children {
		sortAll(o)
	}
	slices.SortFunc(c.children, order)
}

// linkByTheLetter is steps 1 and 2.
func linkByTheLetter(letters []letter) (root *container, contradicted bool) {
	table := map[uint64]*container{}
	var all []*container
	own := make([]*container, len(letters))
	for i := range letters {
		l := &letters[i]
		own[i] = &container{letter: l, n: i + 1}
		if l.id != 0 && table[l.id] == nil {
			table[l.id] = own[i]
		}
		all = append(all, own[i])
	}
	get := func(id uint64) *container {
		if table[id] == nil {
			table[id] = &container{}
			all = append(all, table[id])
		}
		return table[id]
	}
	for i := range letters {
		var last *container
		for _, id := range letters[i].refs { // 1.A
			c := get(id)
			if last != nil && c.parent == nil {
				if last.isBelow(c) {
					contradicted = true
				} else {
					last.adopt(c)
				}
			}
			last = c
		}
		own[i].cut() // 1.B
		if last != nil {
			if last.isBelow(own[i]) {
				contradicted = true
			} else {
				last.adopt(own[i])
			}
		}
	}
	root = &container{}
	for _, c := range all {
		if c.parent == nil {
			root.adopt(c)
		}
	}
	return root, contradicted
}

// mergeByTheLetter is step 5.
func mergeByTheLetter(root *container) {
	table := map[uint64]*container{}
	for _, c := range root.children {
		s := c.first().subject
		if s == 0 {
			continue
		}
		old := table[s]
		if old == nil || old.letter != nil && (c.letter == nil || old.letter.reply && !c.letter.reply) {
			table[s] = c
		}
	}
	for _, c := range slices.Clone(root.children) {
		s := c.first().subject
		if s == 0 || table[s] == c {
			continue
		}
		switch old := table[s]; {
		case old.letter == nil && c.letter == nil:
			for _, o := range slices.Clone(c.children) {
				old.adopt(o)
			}
			c.cut()
		case old.letter == nil, c.letter != nil && c.letter.reply && !old.letter.reply:
			old.adopt(c)
		default:
			d := &container{}
			root.adopt(d)
			d.adopt(old)
			d.adopt(c)
			table[s] = d
		}
	}
}

// randomLetters is a mailbox in which ids, references, subjects and dates meet
// often. With sound references a message's are those of the one it answers, and
// that one's id, some of them lost on the way.
func randomLetters(r *rand.Rand, sound bool) []letter {
	n := 1 + r.IntN(14)
	letters := make([]letter, n)
	born := r.Perm(n) // in the order of writing
	for at, i := range born {
		l := &letters[i]
		l.sent, l.arrival = int64(r.IntN(6)), int64(r.IntN(6))
		l.id, l.subject, l.reply = uint64(i+1), uint64(r.IntN(4)), r.IntN(2) == 0
		switch r.IntN(10) {
		case 0:
			l.id = 0
		case 1:
			l.id = uint64(1 + r.IntN(n))
		}
		switch {
		case !sound:
			for range r.IntN(4) {
				l.refs = append(l.refs, uint64(1+r.IntN(n+4)))
			}
		case at > 0 && r.IntN(4) > 0:
			p := letters[born[r.IntN(at)]]
			id := p.id
			if id == 0 {
				id = uint64(100 + r.IntN(3))
			}
			l.refs = append(slices.Clone(p.refs[r.IntN(len(p.refs)+1):]), id)
		}
	}
	for i := range letters { // lost letters
		if r.IntN(5) == 0 {
			letters[i].id = uint64(1000 + i)
		}
	}
	return letters
}

func TestReferencesByTheLetter(t *testing.T) {
	compared := map[bool]int{}
	for seed := range uint64(40_000) {
		sound := seed%2 == 0
		letters := randomLetters(rand.New(rand.NewPCG(seed, 1)), sound)
		g, hits := gistsOf(letters)
		got := written(g.references(hits), hits)
		want, contradicted := byTheLetter(letters)
		if !contradicted && got != want {
			t.Fatalf("seed %d: %+v\n got %s\nwant %s", seed, letters, got, want)
		}
		if !contradicted {
			compared[sound]++
		}
		holdsAll(t, letters, got)
	}
	if compared[true] < 15_000 || compared[false] < 5_000 {
		t.Errorf("compared only %v", compared)
	}
}

// holdsAll: whatever messages say of each other, each is told once.
func holdsAll(t *testing.T, letters []letter, threads string) {
	t.Helper()
	var numbers []int
	for _, w := range strings.FieldsFunc(threads, func(r rune) bool { return r < '0' || r > '9' }) {
		n, _ := strconv.Atoi(w)
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for i := range max(len(letters), len(numbers)) {
		if i >= len(numbers) || numbers[i] != i+1 {
			t.Fatalf("of %d messages there are %v: %s", len(letters), numbers, threads)
		}
	}
}

func TestThreadAlgorithms(t *testing.T) {
	tests := []struct {
		name                           string
		letters                        []letter
		references, refs, bySubjectToo string
	}{
		{"nothing", nil, "", "", ""},
		{"a thread whose start is missing", []letter{{id: 2, refs: []uint64{1}, sent: 2}, {id: 3, refs: []uint64{1}, sent: 1}}, "((2)(1))", "((2)(1))", "(2 1)"},
		{"a dummy with one child", []letter{{id: 2, refs: []uint64{1}}}, "(1)", "(1)", "(1)"},
		{"dummies between", []letter{{id: 1}, {id: 4, refs: []uint64{1, 2, 3}, sent: 5}}, "(1 2)", "(1 2)", "(1 2)"},
		{"an id that is there twice", []letter{{id: 1, subject: 1}, {id: 1, subject: 2}, {id: 2, refs: []uint64{1}, subject: 3}}, "(1 3)(2)", "(1 3)(2)", "(1)(2)(3)"},
		{"answers to each other", []letter{{id: 1, refs: []uint64{2}, subject: 1}, {id: 2, refs: []uint64{1}, subject: 2}}, "(2 1)", "(2 1)", "(1)(2)"},
		{"an answer to itself", []letter{{id: 1, refs: []uint64{1}}}, "(1)", "(1)", "(1)"},
		{"no references, a reply by its subject", []letter{{id: 1, subject: 7, reply: true, sent: 1}, {id: 2, subject: 7, sent: 2}}, "(2 1)", "(1)(2)", "(1 2)"},
		{"one subject, no replies", []letter{{id: 1, subject: 7, sent: 2}, {id: 2, subject: 7, sent: 1}, {id: 3, subject: 7, sent: 3}}, "((2)(1)(3))", "(2)(1)(3)", "(2 (1)(3))"},
		{"no subjects", []letter{{id: 1, sent: 2}, {id: 2, sent: 1}}, "(2)(1)", "(2)(1)", "(2 1)"},
		{"the newest arrival decides for REFS", []letter{
			{id: 1, sent: 1, arrival: 1, subject: 1}, {id: 2, sent: 2, arrival: 2, subject: 2}, {id: 3, refs: []uint64{1}, sent: 3, arrival: 3, subject: 3},
		}, "(1 3)(2)", "(2)(1 3)", "(1)(2)(3)"},
		// The example of RFC 5256 §4: 2, then 3 and its answers.
		{"a tree", []letter{{id: 1, subject: 1}, {id: 2, subject: 2}, {id: 3, refs: []uint64{2}}, {id: 4, refs: []uint64{2, 3}}, {id: 5, refs: []uint64{2, 3, 4}}, {id: 6, refs: []uint64{2, 3}}, {id: 7, refs: []uint64{6}}, {id: 8, refs: []uint64{6, 7}}},
			"(1)(2 3 (4 5)(6 7 8))", "(1)(2 3 (4 5)(6 7 8))", "(1)(2)(3 (4)(5)(6)(7)(8))"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, hits := gistsOf(tt.letters)
			for _, a := range []struct {
				run  func([]hit) *threads
				want string
			}{{g.references, tt.references}, {g.refs, tt.refs}, {g.orderedSubject, tt.bySubjectToo}} {
				if got := written(a.run(hits), hits); got != a.want {
					t.Errorf("%s, want %s", got, a.want)
				}
			}
		})
	}
}

// TestThreadsAreLinear: one chain as long as the mailbox, in each order of
// arrival, and messages with as many references as are taken that all deny each
// other, take a few steps for each reference, and no stack. Every other loop of
// the algorithms is over a list, once.
func TestThreadsAreLinear(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(1 << 20))
	r := rand.New(rand.NewPCG(1, 2))
	shapes := map[string]func(i, n int) letter{
		"a chain": func(i, _ int) letter { return letter{id: uint64(i + 1), refs: []uint64{uint64(i)}, sent: int64(i)} },
		"a chain from behind": func(i, n int) letter {
			return letter{id: uint64(n - i), refs: []uint64{uint64(n - i - 1)}, sent: int64(-i)}
		},
		"a chain of the missing": func(i, n int) letter { return letter{refs: []uint64{uint64(i + 1), uint64(i + 2)}} },
		"a chain of the missing from behind": func(i, n int) letter {
			return letter{refs: []uint64{uint64(n - i), uint64(n - i + 1)}}
		},
		"a chain from behind, and answers to its end": func(i, n int) letter {
			if i < n/2 {
				return letter{id: uint64(i + 1), refs: []uint64{uint64(i + 2)}}
			}
			return letter{id: uint64(i + 1), refs: []uint64{1}}
		},
		"a loop": func(i, n int) letter {
			return letter{id: uint64(i + 1), refs: []uint64{uint64((i + 1) % n), uint64((i+n-1)%n + 1)}}
		},
		"denials": func(i, n int) letter {
			l := letter{id: uint64(i + 1)}
			for range 20 {
				l.refs = append(l.refs, uint64(1+r.IntN(2*n)))
			}
			return l
		},
		"one subject": func(i, _ int) letter { return letter{id: uint64(i + 1), subject: 5, reply: i%2 == 0} },
	}
	const n = 100_000
	for name, shape := range shapes {
		letters := make([]letter, n)
		references := 0
		for i := range letters {
			letters[i] = shape(i, n)
			references += len(letters[i].refs) + 1
		}
		g, hits := gistsOf(letters)
		written(g.references(hits), hits)
		written(g.refs(hits), hits)
		written(g.orderedSubject(hits), hits)
		k := kin(g.links.of(hits))
		k.prune()
		if limit := 4 * references; k.steps > limit {
			t.Errorf("%s: %d steps for %d references", name, k.steps, references)
		}
	}
}

func BenchmarkThreadReferences(b *testing.B) {
	g, hits := gistsOf(conversations(100_000))
	w := bufio.NewWriter(new(strings.Builder))
	b.ReportAllocs()
	for b.Loop() {
		t := g.references(hits)
		w.Reset(new(strings.Builder))
		t.write(wire.NewEncoder(w), hits, false)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/message")
}

// conversations are messages of some three to a thread, as people write them.
func conversations(n int) []letter {
	r := rand.New(rand.NewPCG(3, 4))
	letters := make([]letter, n)
	for i := range letters {
		l := letter{id: uint64(i)*0x9e3779b97f4a7c15 | 1, subject: uint64(i+1) * 0xbf58476d1ce4e5b9, sent: int64(i*60 + r.IntN(3600))}
		if i > 0 && r.IntN(3) > 0 {
			p := letters[max(0, i-1-r.IntN(200))]
			l.refs, l.subject, l.reply = append(slices.Clone(p.refs), p.id), p.subject, true
		}
		letters[i] = l
	}
	return letters
}

func FuzzThreads(f *testing.F) {
	f.Add([]byte("\x01\x02\x03\x04\x05\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var letters []letter
		for len(b) >= 4 && len(letters) < 200 {
			l := letter{id: uint64(b[0] % 32), sent: int64(b[1]), subject: uint64(b[2] % 8), reply: b[2] > 127}
			n := min(int(b[3]%8), len(b)-4)
			for _, c := range b[4 : 4+n] {
				l.refs = append(l.refs, uint64(c%32)+1)
			}
			b = b[4+n:]
			letters = append(letters, l)
		}
		g, hits := gistsOf(letters)
		for _, run := range []func([]hit) *threads{g.references, g.refs, g.orderedSubject} {
			told := written(run(hits), hits)
			if strings.Count(told, "(") != strings.Count(told, ")") {
				t.Fatal(told)
			}
			holdsAll(t, letters, told)
		}
		if want, contradicted := byTheLetter(letters); !contradicted && written(g.references(hits), hits) != want {
			t.Fatal(fmt.Sprint(letters), want)
		}
	})
}
