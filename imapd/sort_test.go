package imapd

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/message"
	"posthorn/store"
)

func TestCollation(t *testing.T) {
	for _, same := range [][2]string{
		{"hello", "HeLLo"}, {"gr\u00fc\u00dfe", "GR\u00dc\u00dfE"}, {"caf\u00e9", "CAFE\u0301"}, {"\u01c6", "\u01c5"}, {"\ufb01n", "\ufb01N"}, {"\u1e9b\u0323", "\u1e61\u0323"},
	} {
		if collated(same[0]) != collated(same[1]) {
			t.Errorf("%q and %q differ", same[0], same[1])
		}
	}
	if collated("a") >= collated("B") || collated("e\u0301") <= collated("e") || collated("e\u0301") >= collated("F") {
		t.Error("not in alphabetical order")
	}
}

// TestSortKeys has one message in order and one out of it for each rule.
func TestSortKeys(t *testing.T) {
	tests := []struct {
		name, keys string
		headers    []string
		want       []uint32
	}{
		{"dates as moments", "DATE", []string{"Date: 2 Nov 2026 01:00:00 +0000", "Date: 1 Nov 2026 20:00:00 -0800", "Date: 2 Nov 2026 02:00:00 +0200"}, []uint32{3, 1, 2}},
		{"no date: INTERNALDATE, 2 November 08:08:07 UTC and a day more for each", "DATE", []string{"Date: 4 Nov 2026 12:00 +0000", "X: y", "Date: never"}, []uint32{2, 3, 1}},
		{"an impossible time is midnight", "DATE", []string{"Date: 4 Nov 2026 00:00:01 +0000", "Date: 4 Nov 2026 29:00:00 +0000"}, []uint32{2, 1}},
		{"one moment: by number, reversed too", "REVERSE DATE", []string{"Date: 4 Nov 2026 12:00 +0000", "Date: 4 Nov 2026 13:00 +0100", "Date: 5 Nov 2026 12:00 +0000"}, []uint32{3, 1, 2}},
		{"arrival", "REVERSE ARRIVAL", []string{"A: a", "A: b", "A: c"}, []uint32{3, 2, 1}},
		{"size", "SIZE", []string{"A: aaa", "A: a", "A: aa", "A: b"}, []uint32{2, 4, 3, 1}},
		{"base subjects", "SUBJECT", []string{"Subject: Re: [x] banana", "Subject: =?utf-8?q?=C3=A4pfel?=", "Subject: Fwd: APPLE (fwd)", "X: none", "Subject: cherry"}, []uint32{4, 3, 2, 1, 5}},
		{"REVERSE is of one key", "REVERSE SUBJECT DATE", []string{"Subject: a", "Subject: b\r\nDate: 9 Nov 2026 12:00 +0000", "Subject: re: b\r\nDate: 8 Nov 2026 12:00 +0000"}, []uint32{3, 2, 1}},
		{"addr-mailbox, not the name and not the host", "FROM", []string{"From: Anton <zoe@a>", "From: Zoe <anton@z>", "From: \"x\" <\"b b\"@c>", "X: y"}, []uint32{4, 2, 3, 1}},
		{"the first address, a group by its name", "TO", []string{"To: z@a, a@a", "To: Friends: a@a;", "To: c@a"}, []uint32{3, 2, 1}},
		{"copies", "CC", []string{"Cc: b@a", "To: a@a", "Cc: (no address), a@x"}, []uint32{2, 3, 1}},
		{"a name decoded, or the whole address", "DISPLAYFROM", []string{"From: =?iso-8859-1?q?=C4nne?= <z@z>", "From: a@b", "From: Andi <z@z>", "From: <b@a>"}, []uint32{2, 3, 1, 4}},
		{"display of a group", "DISPLAYTO", []string{"To: M: a@a;", "To: L <z@z>", "To: N <a@a>", "X: y"}, []uint32{4, 2, 1, 3}},
		{"a key twice", "SUBJECT REVERSE SUBJECT SUBJECT", []string{"Subject: b", "Subject: a"}, []uint32{2, 1}},
		{"a header longer than a digest holds", "SUBJECT", []string{"Subject: b", "X: " + strings.Repeat("y", 70<<10) + "\r\nSubject: a"}, []uint32{2, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake()
			for _, h := range tt.headers {
				f = newFake(append(f.texts, h+"\r\n\r\n")...)
			}
			if got := sortFake(t, f, &gists{}, tt.keys); !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// sortFake sorts all messages and gives their numbers.
func sortFake(t testing.TB, f *fakeMessages, g *gists, keys string) []uint32 {
	t.Helper()
	p := parser{d: decoderOf("(" + keys + ")")}
	by := p.criteriaList()
	if err := p.d.End(); err != nil {
		t.Fatal(err)
	}
	s, _ := fakeSession(f)
	var want factSet
	for _, b := range by {
		want |= factsOf(b.fact)
	}
	var hits []hit
	s.view.seen.each(s.view.seen.all(), func(n uint32, r store.Row) bool {
		hits = append(hits, hit{n: n, uid: r.UID})
		return true
	})
	var numbers []uint32
	err := g.of(context.Background(), f, s.view.seen, hits, want, func(g *gists) {
		for _, h := range g.sort(hits, by) {
			numbers = append(numbers, h.n)
		}
	})
	if err != nil || f.open != 0 {
		t.Fatalf("%v; %d files left open", err, f.open)
	}
	return numbers
}

// TestSortRandom compares with sorting by comparing, key after key, what each
// header says, on mailboxes in which much is alike.
func TestSortRandom(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 9))
		word := func() string { return []string{"alpha", "Beta", "beta", "gamma", ""}[r.IntN(5)] }
		var texts []string
		type facts map[string]any
		var all []facts
		for i := range 1 + r.IntN(30) {
			sent, from, subject := int64(r.IntN(5)), word(), word()
			text := fmt.Sprintf("Date: %s\r\nFrom: %s@x\r\nSubject: re: %s\r\n\r\n", time.Unix(1e9+sent, 0).UTC().Format(message.DateFormat), from, subject)
			if from == "" {
				text = fmt.Sprintf("Date: %s\r\nSubject: re: %s\r\n\r\n", time.Unix(1e9+sent, 0).UTC().Format(message.DateFormat), subject)
			}
			texts = append(texts, text)
			all = append(all, facts{"DATE": sent, "FROM": strings.ToUpper(from), "SUBJECT": strings.ToUpper(subject), "ARRIVAL": int64(i), "SIZE": int64(len(text))})
		}
		names := []string{"DATE", "FROM", "SUBJECT", "ARRIVAL", "SIZE"}
		r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		var keys []string
		for _, n := range names[:1+r.IntN(4)] {
			keys = append(keys, []string{"", "REVERSE "}[r.IntN(2)]+n)
		}
		want := make([]uint32, len(all))
		for i := range want {
			want[i] = uint32(i + 1)
		}
		slices.SortStableFunc(want, func(a, b uint32) int {
			for _, k := range keys {
				name, reverse := strings.CutPrefix(k, "REVERSE ")
				c := 0
				switch x := all[a-1][name].(type) {
				case int64:
					c = cmp.Compare(x, all[b-1][name].(int64))
				case string:
					c = cmp.Compare(x, all[b-1][name].(string))
				}
				if reverse {
					c = -c
				}
				if c != 0 {
					return c
				}
			}
			return 0
		})
		if got := sortFake(t, newFake(texts...), &gists{}, strings.Join(keys, " ")); !slices.Equal(got, want) {
			t.Fatalf("seed %d, %v: %v, want %v", seed, keys, got, want)
		}
	}
}

// counting counts the messages whose facts were read.
type counting struct {
	*fakeMessages
	read int
}

func (c *counting) Facts(ctx context.Context, uids []store.UID, want store.Want, fn func([]store.Fact) error) error {
	c.read += len(uids)
	return c.fakeMessages.Facts(ctx, uids, want, fn)
}

// TestGistsAreReadOnce: what was ordered once is not read again, whatever part
// of it is asked for, in whichever order the parts come.
func TestGistsAreReadOnce(t *testing.T) {
	texts := make([]string, 600)
	for i := range texts {
		texts[i] = fmt.Sprintf("Subject: %d\r\nDate: %d Nov 2026 12:00 +0000\r\n\r\n", i%7, 1+i%28)
	}
	box := &counting{fakeMessages: newFake(texts...)}
	v := newVersion(1, store.Box{}, appendChunk(nil, box.rows))
	g := &gists{}
	want := factsOf(factSent, factSubject)
	some := func(from, to, step int) (hits []hit) {
		for n := from; n <= to; n += step {
			hits = append(hits, hit{n: uint32(n), uid: box.rows[n-1].UID})
		}
		return hits
	}
	for _, part := range []struct {
		hits []hit
		read int
	}{{some(300, 400, 2), 51}, {some(100, 500, 4), 101 - 26}, {some(1, 600, 1), 600 - 51 - 75}, {some(1, 600, 1), 0}, {some(7, 7, 1), 0}} {
		box.read = 0
		err := g.of(t.Context(), box, v, part.hits, want, func(g *gists) {
			texts := g.texts[factSubject-numberFacts].of(part.hits)
			for i, h := range part.hits {
				if texts[i] != fmt.Sprint((h.n-1)%7) {
					t.Fatalf("message %d has the subject %q", h.n, texts[i])
				}
			}
		})
		if err != nil || box.read != part.read {
			t.Errorf("read %d, want %d (%v)", box.read, part.read, err)
		}
	}
	// Most of the mailbox is gone: what was kept of it goes as well.
	few := newVersion(2, store.Box{}, appendChunk(nil, box.rows[:1]))
	for i := range 2000 {
		g.links.uids, g.links.values = append(g.links.uids, store.UID(10000+i)), append(g.links.values, link{})
	}
	if err := g.of(t.Context(), box, few, some(1, 1, 1), want, func(*gists) {}); err != nil || len(g.links.uids) != 0 {
		t.Errorf("%d links kept, %v", len(g.links.uids), err)
	}
}

// TestGistsOfLongTexts: what is kept of a message is bounded, and long texts
// order by how they begin. Threads know a whole subject.
func TestGistsOfLongTexts(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	box := newFake(
		"Subject: "+long+"b\r\nFrom: "+long+" <"+long[:3000]+"@a.example>\r\n\r\n",
		"Subject: "+long+"a\r\nFrom: z <y@a.example>\r\n\r\n",
		"Subject: a"+long+"\r\nFrom: a <b@a.example>\r\n\r\n",
	)
	v := newVersion(1, store.Box{}, appendChunk(nil, box.rows))
	var hits []hit
	for i, r := range box.rows {
		hits = append(hits, hit{n: uint32(i + 1), uid: r.UID})
	}
	g := &gists{}
	err := g.of(t.Context(), box, v, hits, factsOf(factFrom, factDisplayFrom, factSubject, factLink), func(g *gists) {
		var order []uint32
		for _, h := range g.sort(hits, []criterion{{fact: factSubject}}) {
			order = append(order, h.n)
		}
		if !slices.Equal(order, []uint32{3, 1, 2}) {
			t.Errorf("ordered %v", order)
		}
		if links := g.links.of(hits); links[0].subject == links[1].subject {
			t.Error("two subjects are one to THREAD")
		}
	})
	if err != nil || g.octets > 3*(3*(20+maxOrdering)+52) {
		t.Errorf("%d octets, %v", g.octets, err)
	}
}

func TestGistCacheIsBounded(t *testing.T) {
	var c gistCache
	first := c.take(1)
	first.octets = maxGistOctets / 2
	first.gists.octets = maxGistOctets / 2
	c.put(first)
	second := c.take(2)
	if c.take(1) != first {
		t.Error("gists were not kept")
	}
	second.gists.octets = maxGistOctets
	c.put(second) // more than there may be: it goes, the one in use stays
	if c.boxes[2] != nil || c.boxes[1] != first {
		t.Errorf("kept: %v", c.boxes)
	}
	c.put(first)
	first.used = time.Now().Add(-lingerTime)
	c.timer.Stop()
	c.expire()
	if len(c.boxes) != 0 || c.timer != nil {
		t.Errorf("kept: %v", c.boxes)
	}
}

func benchmarkSort(b *testing.B, keys string) {
	const n = 100_000
	g, hits := &gists{}, make([]hit, n)
	r := rand.New(rand.NewPCG(5, 6))
	made := make([]gist, n)
	for i := range made {
		hits[i] = hit{n: uint32(i + 1), uid: store.UID(i + 1)}
		made[i].uid = store.UID(i + 1)
		made[i].numbers[factSent] = int64(1e9 + i*60 + r.IntN(86400))
		made[i].texts[factSubject-numberFacts] = fmt.Sprintf("SUBJECT NUMBER %d", r.IntN(n/3))
	}
	g.add(made, factsOf(factSent, factSubject))
	p := parser{d: decoderOf("(" + keys + ")")}
	by := p.criteriaList()
	b.ReportAllocs()
	for b.Loop() {
		g.sort(hits, by)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/message")
}

func BenchmarkSortReverseDate(b *testing.B) { benchmarkSort(b, "REVERSE DATE") }
func BenchmarkSortSubject(b *testing.B)     { benchmarkSort(b, "SUBJECT") }
