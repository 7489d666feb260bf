package store_test

import (
	"fmt"
	"strings"
	"testing"

	"posthorn/mail"
	"posthorn/store"
)

// listMail is a message as lists send it: some 2.5 KiB of header.
func listMail(n int) string {
	var b strings.Builder
	for i := range 3 {
		fmt.Fprintf(&b, "Received: from relay%d.example.net (relay%d.example.net [192.0.2.%d])\r\n\tby mx.example.test with ESMTPS id %d for <ann@example.test>;\r\n\tMon, 2 Nov 2026 09:00:00 +0100\r\n", i, i, i, n)
	}
	fmt.Fprintf(&b, "DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=k1; bh=%s;\r\n\tb=%s\r\n", strings.Repeat("A", 44), strings.Repeat("B", 340))
	fmt.Fprintf(&b, "Date: Mon, %d Nov 2026 %02d:%02d:%02d +0100\r\nFrom: \"Somebody Else\" <somebody%d@example.net>\r\nTo: list@example.org\r\nCc: Ann <ann@example.test>, Bob <bob@example.test>\r\n", 1+n%28, n%24, n%60, n%59, n%500)
	fmt.Fprintf(&b, "Subject: Re: [list] The subject of thread %d and some words\r\nMessage-ID: <%d.20261102@example.net>\r\nIn-Reply-To: <%d.20261102@example.net>\r\nReferences: <%d.20261102@example.net>\r\n", n/7, n, n-1, n-1)
	fmt.Fprintf(&b, "List-Id: <list.example.org>\r\nList-Unsubscribe: <mailto:list-leave@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"b%d\"\r\n\r\n", n)
	fmt.Fprintf(&b, "--b%d\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello %d\r\n--b%d\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>hello</p>\r\n--b%d--\r\n", n, n, n, n)
	return b.String()
}

// large gives INBOX n messages and has them derived. Content that differs is
// enough for 1,000; the others are links.
func large(b testing.TB, n int) *fixture {
	f := setUp(b)
	f.Halt()
	for from := 0; from < n; {
		var c store.Change
		blobs := make([]*store.Blob, 0, 100)
		for i := range 100 {
			blob, err := f.Put(b.Context(), &mail.Mail{Content: mail.Bytes(listMail(from + i))})
			ok(b, err)
			blobs = append(blobs, blob)
		}
		for ; from < n && len(c.Append) < 1000; from++ {
			c.Append = append(c.Append, store.Incoming{Blob: blobs[from%100], Account: f.a.ID})
		}
		_, err := f.Commit(b.Context(), c)
		ok(b, err)
	}
	return f
}

// BenchmarkFacts reads facts of 100,000 messages.
func BenchmarkFacts(b *testing.B) {
	const n = 100_000
	f := large(b, n)
	ok(b, f.Derive(b.Context()))
	box, uids := f.box("INBOX"), uidsTo(n)
	for _, c := range []struct {
		name string
		want store.Want
	}{
		{"index", store.WantIndex}, {"envelope", store.WantEnvelope}, {"envelope and structure", store.WantEnvelope | store.WantStructure},
		{"header", store.WantHeader}, {"threading", store.WantThreading},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				got := 0
				ok(b, box.Facts(b.Context(), uids, c.want, func(facts []store.Fact) error {
					got += len(facts)
					return nil
				}))
				if got != n {
					b.Fatalf("%d facts", got)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/message")
		})
	}
	b.Run("one message", func(b *testing.B) {
		for b.Loop() {
			ok(b, box.Facts(b.Context(), uids[5000:5001], store.WantEnvelope|store.WantHeader, func([]store.Fact) error { return nil }))
		}
	})
	b.Run("rows", func(b *testing.B) {
		for b.Loop() {
			_, err := box.Rows(b.Context(), func([]store.Row) {})
			ok(b, err)
		}
		b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "rows/s")
	})
}
