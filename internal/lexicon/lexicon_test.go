package lexicon

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// opened is a segment in memory.
type opened struct {
	*Segment
	parts Parts
}

func open(t testing.TB, p Parts) opened {
	t.Helper()
	s, err := Open(p.Head)
	if err == nil {
		err = s.VerifyWords(p.Words)
	}
	if err != nil {
		t.Fatal(err)
	}
	if s.PostingsSize() != len(p.Postings) {
		t.Fatalf("%d octets of postings, the head says %d", len(p.Postings), s.PostingsSize())
	}
	return opened{s, p}
}

func (o opened) find(f Field, needle string) (Set, bool, error) {
	q := NewQuery([]byte(needle))
	set, err := o.Find(f, q, o.parts.Words, func(from, to uint32) ([]byte, error) { return o.parts.Postings[from:to], nil })
	return set, q.Exact(), err
}

// ids gives what is found as documents.
func (o opened) ids(t testing.TB, f Field, needle string) []uint32 {
	t.Helper()
	set, _, err := o.find(f, needle)
	if err != nil {
		t.Fatal(err)
	}
	var ids []uint32
	for i, id := range o.Documents() {
		if set.Has(i) {
			ids = append(ids, id)
		}
	}
	return ids
}

func TestFind(t *testing.T) {
	var b Builder
	long := strings.Repeat("0123456789", 500) + "tail"
	for i, text := range []string{
		"the quick brown fox", "quick, brown\tfoxes\r\nand a hare", "quicksilver  ann@b.example", long,
		"東京都に住む人 tokyo", "東 alone", "nul\x00inside", "",
	} {
		b.Document(uint32(10 * (i + 1)))
		b.Text(1, []byte(text))
		b.Text(3, []byte("subject"))
	}
	o := open(t, b.Seal())
	tests := []struct {
		needle string
		want   []uint32
		exact  bool
	}{
		{"quick", []uint32{10, 20, 30}, true}, {"uick", []uint32{10, 20, 30}, true}, {"brown fox", []uint32{10, 20}, false},
		{"brown\tfox", []uint32{10, 20}, false}, {"k b", []uint32{10}, false}, {"n@b.ex", []uint32{30}, true}, {"a", []uint32{20, 30, 40, 60}, true},
		{"x ", []uint32{10}, false}, {" hare", []uint32{20}, false}, {" are", nil, false}, {" and ", []uint32{20}, false}, {"subject", nil, true},
		{"89012345", []uint32{40}, true}, {strings.Repeat("0123456789", 499), []uint32{40}, false}, {"9tail", []uint32{40}, true},
		{"東京", []uint32{50}, true}, {"京都に住", []uint32{50}, false}, {"人", []uint32{50}, true}, {"東", []uint32{50, 60}, true}, {"京東", nil, true}, {"人 to", []uint32{50}, false},
		{" ", []uint32{10, 20, 30, 40, 50, 60, 70, 80}, false}, {"", []uint32{10, 20, 30, 40, 50, 60, 70, 80}, false}, {"l\x00i", []uint32{70}, false},
	}
	for _, tt := range tests {
		set, exact, err := o.find(1, tt.needle)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.ids(t, 1, tt.needle); !slices.Equal(got, tt.want) {
			t.Errorf("%.20q: %v, want %v", tt.needle, got, tt.want)
		}
		if exact != tt.exact {
			t.Errorf("%.20q: exact %v", tt.needle, exact)
		}
		if set.Len() != len(o.ids(t, 1, tt.needle)) {
			t.Errorf("%.20q: Len %d", tt.needle, set.Len())
		}
	}
	if got := o.ids(t, 3, "ubj"); len(got) != 8 {
		t.Errorf("in the other field: %v", got)
	}
	if got := o.ids(t, 2, "ubj"); got != nil {
		t.Errorf("in a field that is not there: %v", got)
	}
}

func TestOpaque(t *testing.T) {
	var b Builder
	b.Document(1)
	b.Text(0, []byte("one"))
	b.Document(2)
	var text strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&text, "word%d ", i)
	}
	b.Text(0, []byte(text.String()))
	b.Document(3)
	b.Text(0, []byte("three"))
	o := open(t, b.Seal())
	if got := o.Opaque(); got.Len() != 1 || !got.Has(1) {
		t.Errorf("opaque %b", got)
	}
	if got := o.ids(t, 0, "three"); !slices.Equal(got, []uint32{3}) {
		t.Errorf("%v", got)
	}
	if n := o.WordsSize(); n > 2*maxDistinct {
		t.Errorf("%d octets of words", n)
	}
	m, err := Merge([]Parts{o.parts}, func(id uint32) bool { return id != 1 })
	if err != nil || open(t, m).Opaque().Len() != 1 {
		t.Errorf("merged: %v", err)
	}
}

// randomText is made of few letters, so that strings come again, of characters
// without spaces and of white space.
func randomText(r *rand.Rand, n int) string {
	letters := []string{"a", "b", "c", "ab", "é", "東", "京", " ", " ", "\n", "\x00", ".", "า", "\U00020000", "가"}
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(letters[r.IntN(len(letters))])
	}
	return b.String()
}

// Whatever is in a text is found, in segments as built and as merged; what is
// exact is nothing else.
func TestFindsWhatIsThere(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		var parts []Parts
		texts := map[uint32]string{}
		id := uint32(0)
		for range 1 + r.IntN(4) {
			var b Builder
			for range 1 + r.IntN(80) {
				id += 1 + r.Uint32N(3)
				n := r.IntN(60)
				if r.IntN(20) == 0 {
					n = 3 * maxWord
				}
				texts[id] = randomText(r, n)
				b.Document(id)
				b.Text(5, []byte(texts[id]))
				b.Text(7, []byte("other"))
			}
			parts = append(parts, b.Seal())
		}
		merged, err := Merge(parts, func(id uint32) bool { return id%7 != 0 })
		if err != nil {
			t.Fatal(err)
		}
		for n, p := range append(parts, merged) {
			o := open(t, p)
			if n == len(parts) {
				for id := range texts {
					if at := slices.Contains(o.Documents(), id); at != (id%7 != 0) {
						t.Fatalf("document %d is there after the merge: %v", id, at)
					}
				}
			}
			for range 30 {
				needle := randomText(r, 1+r.IntN(6))
				if r.IntN(3) == 0 { // something that is there
					text := []rune(texts[o.Documents()[r.IntN(len(o.Documents()))]])
					if len(text) > 0 {
						from := r.IntN(len(text))
						needle = string(text[from:min(len(text), from+1+r.IntN(300))])
					}
				}
				verify(t, o, texts, needle)
			}
		}
	}
}

func verify(t testing.TB, o opened, texts map[uint32]string, needle string) {
	t.Helper()
	set, exact, err := o.find(5, needle)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range o.Documents() {
		there := strings.Contains(texts[id], needle)
		if there && !set.Has(i) || exact && there != set.Has(i) {
			t.Fatalf("%q in %.80q: %v, found %v, exact %v", needle, texts[id], there, set.Has(i), exact)
		}
	}
}

// FuzzFind: what is in a text is found, whatever both are.
func FuzzFind(f *testing.F) {
	f.Add([]byte("some text\x00here 東京都 "), []byte("more"), 3, 4)
	f.Add(bytes.Repeat([]byte("x"), 3000), []byte(" "), 890, 300)
	f.Fuzz(func(t *testing.T, a, b []byte, from, n int) {
		a, b = bytes.ToValidUTF8(a, nil), bytes.ToValidUTF8(b, nil)
		var bl Builder
		texts := map[uint32]string{3: string(a), 8: string(b)}
		for _, id := range []uint32{3, 8} {
			bl.Document(id)
			bl.Text(5, []byte(texts[id]))
		}
		o := open(t, bl.Seal())
		if from >= 0 && n >= 0 && from < len(a) && n <= len(a)-from {
			verify(t, o, texts, string(bytes.ToValidUTF8(a[from:from+n], nil)))
		}
		verify(t, o, texts, string(b))
	})
}

// A damaged octet anywhere is told, or makes no difference to any answer.
func TestDamageIsTold(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var b Builder
	for id := range uint32(200) {
		b.Document(id)
		b.Text(0, []byte(randomText(r, 200)))
	}
	whole := b.Seal()
	for _, of := range []func(*Parts) *[]byte{
		func(p *Parts) *[]byte { return &p.Head }, func(p *Parts) *[]byte { return &p.Words }, func(p *Parts) *[]byte { return &p.Postings },
	} {
		for range 200 {
			p := Parts{bytes.Clone(whole.Head), bytes.Clone(whole.Words), bytes.Clone(whole.Postings)}
			part := of(&p)
			(*part)[r.IntN(len(*part))] ^= 1 << r.IntN(8)
			if _, err := Merge([]Parts{p}, func(uint32) bool { return true }); !errors.Is(err, ErrDamaged) {
				t.Fatalf("merged all the same: %v", err)
			}
			*part = (*part)[:r.IntN(len(*part))]
			if _, err := Merge([]Parts{p}, func(uint32) bool { return true }); !errors.Is(err, ErrDamaged) {
				t.Fatalf("merged though cut: %v", err)
			}
		}
	}
}
