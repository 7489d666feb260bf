package imapd

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"

	"posthorn/imapd/wire"
	"posthorn/mail"
	"posthorn/store"
)

// largeBox gives alice's INBOX n messages as lists send them, derived, and a
// session that has it selected and writes to out.
func largeBox(b *testing.B, n int, out io.Writer) *session {
	w := newWorld(b, tweaks{})
	a, err := w.store.AccountByLogin(b.Context(), "alice@example.test")
	if err != nil {
		b.Fatal(err)
	}
	for at := 0; at < n; {
		var c store.Change
		for range 1000 {
			if at%1000 < 100 {
				c.Append = append(c.Append, store.Incoming{Blob: largePut(b, w.store, at), Account: a.ID})
			} else {
				c.Append = append(c.Append, store.Incoming{Blob: c.Append[at%100].Blob, Account: a.ID})
			}
			at++
		}
		if _, err := w.store.Commit(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.store.Derive(b.Context()); err != nil {
		b.Fatal(err)
	}
	m, err := w.store.Mailbox(b.Context(), a.ID, "INBOX")
	if err != nil {
		b.Fatal(err)
	}
	bx := &box{Mailbox: m}
	bx.touch()
	v, err := bx.version(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return &session{
		log: w.server.log, state: selected, out: wire.NewEncoder(bufio.NewWriterSize(out, writeBuffer)),
		view: &view{box: bx, seen: v},
	}
}

func largePut(b *testing.B, st *store.Store, n int) *store.Blob {
	var h strings.Builder
	for i := range 3 {
		fmt.Fprintf(&h, "Received: from relay%d.example.net (relay%d.example.net [192.0.2.%d])\r\n\tby mx.example.test with ESMTPS id %d for <ann@example.test>;\r\n\tMon, 2 Nov 2026 09:00:00 +0100\r\n", i, i, i, n)
	}
	fmt.Fprintf(&h, "DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=k1; bh=%s;\r\n\tb=%s\r\n", strings.Repeat("A", 44), strings.Repeat("B", 340))
	fmt.Fprintf(&h, "Date: Mon, %d Nov 2026 %02d:%02d:%02d +0100\r\nFrom: \"Somebody Else\" <somebody%d@example.net>\r\nTo: list@example.org\r\nCc: Ann <ann@example.test>, Bob <bob@example.test>\r\n", 1+n%28, n%24, n%60, n%59, n%500)
	fmt.Fprintf(&h, "Subject: Re: [list] The subject of thread %d and some words\r\nMessage-ID: <%d.20261102@example.net>\r\nReferences: <%d.20261102@example.net>\r\n", n/7, n, n-1)
	fmt.Fprintf(&h, "List-Id: <list.example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"b%d\"\r\n\r\n", n)
	fmt.Fprintf(&h, "--b%d\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello %d\r\n--b%d\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>hello</p>\r\n--b%d--\r\n", n, n, n, n)
	blob, err := st.Put(b.Context(), &mail.Mail{Content: mail.Bytes(h.String())})
	if err != nil {
		b.Fatal(err)
	}
	return blob
}

// BenchmarkFetch100000 is FETCH 1:* with a real store, all but the connection.
func BenchmarkFetch100000(b *testing.B) {
	const n = 100_000
	var out counter
	s := largeBox(b, n, &out)
	for _, items := range []string{
		"FLAGS", "(UID FLAGS ENVELOPE BODYSTRUCTURE)", "(UID FLAGS RFC822.SIZE INTERNALDATE)", "ENVELOPE",
		"(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])",
	} {
		b.Run(items, func(b *testing.B) {
			b.ReportAllocs()
			out.size = 0
			for b.Loop() {
				f := &fetcher{s: s, box: s.view.box, items: takeFetchItems(decoderOf(items))}
				if err := f.run(b.Context(), s.view.seen.all()); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(out.size / int64(b.N))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/message")
		})
	}
}
