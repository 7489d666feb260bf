package lexicon

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// prose writes texts with the statistics of mail: words by Zipf's law from a
// vocabulary of 60,000, punctuation, and one word in fifty that stands nowhere
// else.
type prose struct {
	r     *rand.Rand
	words []string
	sums  []float64
}

func newProse() *prose {
	p := &prose{r: rand.New(rand.NewPCG(5, 6))}
	const onsets, vowels, codas = "bcdfghjklmnprstvw", "aeiouy", "nrstlmd"
	seen := map[string]bool{}
	total := 0.0
	for len(p.words) < 60_000 {
		var w strings.Builder
		for range 1 + min(p.r.IntN(4), len(p.words)/50) {
			w.WriteByte(onsets[p.r.IntN(len(onsets))])
			w.WriteByte(vowels[p.r.IntN(len(vowels))])
			if p.r.IntN(2) == 0 {
				w.WriteByte(codas[p.r.IntN(len(codas))])
			}
		}
		if !seen[w.String()] {
			seen[w.String()] = true
			p.words = append(p.words, w.String())
			total += 1 / math.Pow(float64(len(p.words)+2), 1.05)
			p.sums = append(p.sums, total)
		}
	}
	return p
}

func (p *prose) word() string {
	x := p.r.Float64() * p.sums[len(p.sums)-1]
	lo, hi := 0, len(p.sums)-1
	for lo < hi {
		if m := (lo + hi) / 2; p.sums[m] < x {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return p.words[lo]
}

func (p *prose) text(b []byte, size int) []byte {
	for b = b[:0]; len(b) < size; {
		switch p.r.IntN(50) {
		case 0:
			b = fmt.Appendf(b, "%x", p.r.Uint32())
		default:
			b = append(b, p.word()...)
		}
		switch p.r.IntN(12) {
		case 0:
			b = append(b, ", "...)
		case 1:
			b = append(b, ".\r\n"...)
		default:
			b = append(b, ' ')
		}
	}
	return b[:size]
}

const benchText = 10 << 10

func BenchmarkBuild(b *testing.B) {
	p := newProse()
	texts := make([][]byte, 512)
	for i := range texts {
		texts[i] = p.text(nil, benchText)
	}
	b.SetBytes(int64(len(texts) * benchText))
	b.ReportAllocs()
	var bl Builder
	var size int
	for b.Loop() {
		size = 0
		for n, text := range texts {
			bl.Document(uint32(n))
			bl.Text(0, text)
			if bl.Len() == 128 {
				size += bl.Seal().Size()
			}
		}
	}
	b.ReportMetric(float64(size)/float64(len(texts)*benchText), "index/text")
}

// BenchmarkFind: 100,000 texts of 10 KiB in segments of 8,192, as the store
// keeps them.
func BenchmarkFind(b *testing.B) {
	if testing.Short() {
		b.Skip("makes 1 GB of text")
	}
	p := newProse()
	var segments []opened
	var parts []Parts
	var bl Builder
	text := make([]byte, 0, benchText)
	needles := map[string]string{}
	building, merging := time.Duration(0), time.Duration(0)
	for id := range uint32(100_000) {
		text = p.text(text, benchText)
		switch {
		case id%100 == 7:
			copy(text[2000:], " thousandhits phrase here ")
		case id == 4711:
			copy(text[2000:], " onlyonehere ")
		}
		t := time.Now()
		bl.Document(id)
		bl.Text(0, text)
		if bl.Len() == 128 || id == 99_999 {
			parts = append(parts, bl.Seal())
		}
		building += time.Since(t)
		t = time.Now()
		if len(parts) == 64 || id == 99_999 {
			m, err := Merge(parts, func(uint32) bool { return true })
			if err != nil {
				b.Fatal(err)
			}
			segments, parts = append(segments, open(b, m)), nil
		}
		merging += time.Since(t)
	}
	size, lex := 0, 0
	for _, s := range segments {
		size += s.parts.Size()
		lex += len(s.parts.Words)
	}
	b.Logf("%d segments, %.1f MB, of which words %.1f MB: %.3f of the text; built at %.0f MB/s, merged at %.0f MB/s", len(segments), float64(size)/1e6, float64(lex)/1e6,
		float64(size)/(100_000*benchText), 100_000*benchText/1e6/building.Seconds(), 100_000*benchText/1e6/merging.Seconds())
	needles["miss"], needles["one hit"], needles["1000 hits"], needles["1000 hits of a phrase"] = "nowhereatall", "onlyonehere", "thousandhits", "thousandhits phrase"
	for _, n := range []int{1, 2, 3, 4, 5, 6, 8} {
		for w := 3000; needles[fmt.Sprint(n, " octets")] == ""; w++ {
			if len(p.words[w]) >= n+1 {
				needles[fmt.Sprint(n, " octets")] = p.words[w][1 : n+1]
			}
		}
	}
	for name, needle := range needles {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			hits := 0
			for b.Loop() {
				hits = 0
				for _, s := range segments {
					set, _, err := s.find(0, needle)
					if err != nil {
						b.Fatal(err)
					}
					hits += set.Len()
				}
			}
			b.ReportMetric(float64(hits), "candidates")
		})
	}
}
