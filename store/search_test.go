package store_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/message"
	"posthorn/store"
)

// searchLetter is a message of few words, so that they come again.
func searchLetter(r *rand.Rand) string {
	words := []string{"alpha", "beta", "gamma", "Grüße", "東京都", "delta.", "(epsilon)", "a@b.example", "zeta"}
	some := func(n int) string {
		var all []string
		for range n {
			all = append(all, words[r.IntN(len(words))])
		}
		return strings.Join(all, []string{" ", "  ", "\r\n\t"}[r.IntN(3)])
	}
	text := some(r.IntN(6))
	if r.IntN(4) == 0 {
		text = "<p>" + some(3) + "</p><script>hidden</script>"
		return fmt.Sprintf("From: %s\r\nSubject: %s\r\nContent-Type: text/html; charset=utf-8\r\n\r\n%s\r\n", some(1), some(2), text)
	}
	return fmt.Sprintf("From: %s\r\nTo: x@y.example\r\nSubject: %s\r\nX-Long: %s\r\n\r\n%s\r\n", some(1), some(2), strings.Repeat("l", r.IntN(2)*70_000), text)
}

// searchTexts is what the fields of a message hold, read without the index.
func searchTexts(t *testing.T, m *store.Mailbox, u store.UID) map[store.TextField]string {
	t.Helper()
	msgs, err := m.Messages(t.Context(), []store.UID{u})
	ok(t, err)
	r, err := m.Open(t.Context(), msgs[0])
	ok(t, err)
	defer r.Close()
	raw, err := io.ReadAll(r)
	ok(t, err)
	root, err := message.Parse(strings.NewReader(string(raw)))
	ok(t, err)
	h := message.ParseHeader(raw)
	var texts message.Texts
	body, err := texts.Body(r, root)
	ok(t, err)
	all := map[store.TextField]string{store.TextBody: string(body), store.TextHeader: string(message.AppendHeaderText(nil, h))}
	for _, f := range h.Fields() {
		switch f.Name {
		case "Subject":
			all[store.TextSubject] = string(message.AppendFieldText(nil, f))
		case "From":
			all[store.TextFrom] = string(message.AppendFieldText(nil, f))
		}
	}
	return all
}

var searchNeedles = []string{"alpha", "lph", "ALPHA", "beta gamma", "a b", "grüße", "gru", "東", "東京", "京都", "delta.", "epsilon) ", "b.exam", "hidden", "nowhere", "llllll", " ", "subject: ", "zeta\r\n"}

// compare holds the index against the texts: an answer may be TextMaybe, but
// never wrong. It tells how many were TextMaybe.
func compare(t *testing.T, m *store.Mailbox, uids []store.UID) (maybe int) {
	t.Helper()
	var queries []store.TextQuery
	for _, n := range searchNeedles {
		for field := range store.TextBCC + 1 {
			queries = append(queries, store.TextQuery{Field: field, Text: message.Fold(n)})
		}
	}
	answers, err := m.FindText(t.Context(), queries)
	ok(t, err)
	for _, u := range uids {
		texts := searchTexts(t, m, u)
		for i, q := range queries {
			there := strings.Contains(texts[q.Field], q.Text)
			switch v := answers[i].Of(u); {
			case v == store.TextMaybe:
				maybe++
			case (v == store.TextPresent) != there:
				t.Fatalf("UID %d, field %d, %q: the index says %v, the text is %.200q", u, q.Field, q.Text, v, texts[q.Field])
			}
		}
	}
	return maybe
}

func (f *fixture) deliverAll(texts ...string) {
	f.t.Helper()
	for some := range slices.Chunk(texts, 50) {
		var c store.Change
		for _, text := range some {
			c.Append = append(c.Append, store.Incoming{Blob: f.put(text), Account: f.a.ID})
		}
		_, err := f.Commit(f.t.Context(), c)
		ok(f.t, err)
	}
}

// The index agrees with the texts while it grows, in every state between.
func TestFindText(t *testing.T) {
	f := setUp(t)
	f.Halt()
	r := rand.New(rand.NewPCG(7, 8))
	count := 0
	for _, n := range []int{1, 3, 40, 1, 1, 200, 30, 1, 120, 1} {
		var texts []string
		for range n {
			texts = append(texts, searchLetter(r))
		}
		f.deliverAll(texts...)
		count += n
		if r.IntN(3) > 0 {
			ok(t, f.Derive(t.Context()))
		}
	}
	box := f.box("INBOX")
	compare(t, box, uidsTo(count))
	ok(t, f.Derive(t.Context()))
	answers, err := box.FindText(t.Context(), []store.TextQuery{{Field: store.TextBody, Text: "alpha"}, {Field: store.TextBody, Text: "nowhere"}})
	ok(t, err)
	for _, u := range uidsTo(count) {
		long := strings.Contains(searchTexts(t, box, u)[store.TextHeader], "llll")
		if v := answers[0].Of(u); (v == store.TextMaybe) != long {
			t.Errorf("UID %d: %v; a long header %v", u, v, long)
		}
		if v := answers[1].Of(u); (v == store.TextAbsent) == long {
			t.Errorf("UID %d: %v; a long header %v", u, v, long)
		}
	}
	if n, err := f.DerivedNumber(t.Context(), `SELECT count(*) FROM text_segments`); err != nil || n > 16 {
		t.Errorf("%d segments of %d messages, %v", n, count, err)
	}
	if done, total, complete, err := f.TextProgress(t.Context()); err != nil || done != int64(count) || total != done || !complete {
		t.Errorf("%d of %d, complete %v, %v", done, total, complete, err)
	}
}

// What is purged leaves the index, and a mailbox that is deleted does.
func TestSearchIndexForgets(t *testing.T) {
	f := setUp(t)
	f.Halt()
	const n = 2*store.BlockUIDs + 9
	f.fill(0, n)
	ok(t, f.Derive(t.Context()))
	box := f.box("INBOX")
	gone := []store.UID{1, 7, store.BlockUIDs, n}
	all, err := box.Messages(t.Context(), gone)
	ok(t, err)
	_, err = box.Expunge(t.Context(), gone, true)
	ok(t, err)
	ok(t, f.PurgeAt(t.Context(), time.Now().Add(2*time.Hour)))
	answers, err := box.FindText(t.Context(), []store.TextQuery{{Field: store.TextBody, Text: "nowhere"}})
	ok(t, err)
	for _, u := range uidsTo(n) {
		if v := answers[0].Of(u); (v == store.TextMaybe) != slices.Contains(gone, u) {
			t.Errorf("UID %d of %d: %v", u, len(all), v)
		}
	}
	if left, err := f.DerivedNumber(t.Context(), `SELECT count(*) FROM text_gone`); err != nil || left != 0 {
		t.Errorf("%d messages still to be forgotten, %v", left, err)
	}
	if docs, err := f.DerivedNumber(t.Context(), `SELECT sum(docs) FROM text_segments`); err != nil || docs != n-int64(len(gone)) {
		t.Errorf("%d documents, %v", docs, err)
	}
}

// Damage anywhere in the index is no wrong answer, and is mended.
func TestSearchIndexMayBreak(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for name, damage := range map[string]string{
		"head":         `UPDATE text_chunks SET octets = zeroblob(length(octets)) WHERE part = 0`,
		"words":        `UPDATE text_chunks SET octets = zeroblob(length(octets)) WHERE part = 1`,
		"postings":     `UPDATE text_chunks SET octets = zeroblob(length(octets)) WHERE part = 2`,
		"cut":          `UPDATE text_chunks SET octets = substr(octets, 1, length(octets) - 1) WHERE part = 1`,
		"lost":         `DELETE FROM text_chunks WHERE part = 2`,
		"all lost":     `DELETE FROM text_chunks`,
		"swapped":      `UPDATE text_chunks SET segment = CASE segment WHEN 1 THEN -2 ELSE -1 END`,
		"no segments":  `DELETE FROM text_segments`,
		"marks behind": `UPDATE marks SET through = through - 40 WHERE name = 'text'`,
	} {
		t.Run(name, func(t *testing.T) {
			f := setUp(t)
			f.Halt()
			var texts []string
			for range store.BlockUIDs + 60 {
				texts = append(texts, searchLetter(r))
			}
			f.deliverAll(texts...)
			ok(t, f.Derive(t.Context()))
			_, err := f.Derived(t.Context(), damage)
			ok(t, err)
			compare(t, f.box("INBOX"), uidsTo(len(texts)))
			f.deliverAll(texts[:20]...) // the deriver meets the damage too
			ok(t, f.Derive(t.Context()))
			compare(t, f.box("INBOX"), uidsTo(len(texts)+20))
			ok(t, f.RebuildText(t.Context()))
			ok(t, f.Derive(t.Context()))
			if maybe := compare(t, f.box("INBOX"), uidsTo(len(texts)+20)); maybe > (len(texts)+20)*len(searchNeedles)*7*3/5 {
				t.Errorf("rebuilt, and %d answers are not known", maybe)
			}
		})
	}
}
