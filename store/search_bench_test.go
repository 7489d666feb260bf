package store_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"posthorn/store"
)

// benchLetters writes messages whose words go by Zipf's law, one in fifty of
// them a word of its own.
func benchLetters(size int) func(n int) string {
	r := rand.New(rand.NewPCG(5, 6))
	var words []string
	for len(words) < 60_000 {
		var w strings.Builder
		for range 1 + r.IntN(4) {
			w.WriteByte("bcdfghjklmnprstvw"[r.IntN(17)])
			w.WriteByte("aeiouy"[r.IntN(6)])
			w.WriteString([]string{"", "n", "r", "s", "t"}[r.IntN(5)])
		}
		words = append(words, w.String())
	}
	return func(n int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "From: Sender %d <sender%d@example.test>\r\nSubject: letter number %d\r\nMessage-ID: <%d@example.test>\r\n\r\n", n%500, n%500, n, n)
		for b.Len() < size {
			if r.IntN(50) == 0 {
				fmt.Fprintf(&b, "%x", r.Uint32())
			} else { // the rank's logarithm is even: Zipf's law
				b.WriteString(words[int(math.Exp(r.Float64()*math.Log(60_000)))-1])
			}
			b.WriteString([]string{" ", " ", " ", " ", " ", " ", " ", ", ", ".\r\n"}[r.IntN(9)])
		}
		switch {
		case n%100 == 7:
			b.WriteString(" thousandhits phrase here\r\n")
		case n == 50:
			b.WriteString(" onlyonehere\r\n")
		}
		return b.String()
	}
}

// BenchmarkSearchIndex: how fast text is indexed, how large the index is, and
// how long the index needs for an answer. POSTHORN_LETTERS says how many messages
// of 10 KiB there are.
func BenchmarkSearchIndex(b *testing.B) {
	n := 5000
	if s := os.Getenv("POSTHORN_LETTERS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	f := setUp(b)
	f.Halt()
	letter := benchLetters(10 << 10)
	octets := 0
	for i := 0; i < n; {
		var c store.Change
		for ; i < n && len(c.Append) < 100; i++ {
			text := letter(i)
			octets += len(text)
			c.Append = append(c.Append, store.Incoming{Blob: f.put(text), Account: f.a.ID})
		}
		_, err := f.Commit(b.Context(), c)
		ok(b, err)
	}
	began := time.Now()
	ok(b, f.Derive(b.Context()))
	took := time.Since(began)
	size, err := f.DerivedNumber(b.Context(), `SELECT sum(size) FROM text_segments`)
	ok(b, err)
	segments, err := f.DerivedNumber(b.Context(), `SELECT count(*) FROM text_segments`)
	ok(b, err)
	b.Logf("%d messages, %d MB: derived at %.1f MB/s, index %.3f of the text in %d segments", n, octets/1e6, float64(octets)/1e6/took.Seconds(), float64(size)/float64(octets), segments)
	box := f.box("INBOX")
	for _, needle := range []string{"nowhereatall", "onlyonehere", "thousandhits", "thousandhits phrase", "bcdfgh", "bany", "ban", "ba", "b"} {
		b.Run(strings.ReplaceAll(needle, " ", "-"), func(b *testing.B) {
			var answers []store.TextAnswer
			for b.Loop() {
				answers, err = box.FindText(b.Context(), []store.TextQuery{{Field: store.TextBody, Text: needle}})
				ok(b, err)
			}
			count := map[store.TextVerdict]int{}
			for u := range store.UID(n) {
				count[answers[0].Of(u+1)]++
			}
			b.ReportMetric(float64(count[store.TextPresent]), "present")
			b.ReportMetric(float64(count[store.TextMaybe]), "maybe")
		})
	}
}
