package imapd

import (
	"bufio"
	"fmt"
	"io"
	"testing"

	"posthorn/imapd/wire"
)

// What a client that opens a mailbox of 20,000 asks for: all of this but the
// time that the store takes.
func BenchmarkFetch20000(b *testing.B) {
	const count = 20_000
	texts := make([]string, count)
	for i := range texts {
		texts[i] = crlf(fmt.Sprintf("Date: Sun, 1 Nov 2026 23:30:00 -0800|From: \"Somebody Else\" <somebody%d@a.example>|To: Ann <ann@b.example>|Subject: The subject of message %d|Message-ID: <%d@a.example>||body|", i, i, i))
	}
	f := newFake(texts...)
	for _, items := range []string{"FLAGS", "(UID RFC822.SIZE INTERNALDATE)", "ENVELOPE", "(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Subject Date Message-ID)])", "BODY.PEEK[]"} {
		b.Run(items, func(b *testing.B) {
			s, _ := fakeSession(f)
			var n counter
			s.out = wire.NewEncoder(bufio.NewWriterSize(io.Writer(&n), writeBuffer))
			b.ReportAllocs()
			for b.Loop() {
				ft := &fetcher{s: s, box: f, items: takeFetchItems(decoderOf(items))}
				if err := ft.run(b.Context(), s.view.seen.all()); err != nil {
					b.Fatal(err)
				}
				f.opened = f.opened[:0]
			}
			b.SetBytes(n.size / int64(b.N))
			b.ReportMetric(float64(count*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
