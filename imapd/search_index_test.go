package imapd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/store"
)

// unindexed is a mailbox without a search index.
type unindexed struct{ messages }

func (unindexed) FindText(_ context.Context, queries []store.TextQuery) ([]store.TextAnswer, error) {
	return make([]store.TextAnswer, len(queries)), nil
}

// openCounter counts the files a search opens.
type openCounter struct {
	messages
	mu     sync.Mutex
	opened int
}

func (c *openCounter) Open(ctx context.Context, m store.Message) (store.Reader, error) {
	c.mu.Lock()
	c.opened++
	c.mu.Unlock()
	return c.messages.Open(ctx, m)
}

var findWords = []string{"alpha", "beta", "Gamma", "Grüße", "東京都", "delta.", "ann@a.example", "zeta"}

func findLetter(r *rand.Rand) string {
	some := func() string {
		return findWords[r.IntN(len(findWords))] + []string{" ", "  ", "\r\n "}[r.IntN(3)] + findWords[r.IntN(len(findWords))]
	}
	body := some()
	switch r.IntN(4) {
	case 0:
		body = "Content-Type: text/html; charset=utf-8\r\n\r\n<b>" + body + "</b>\r\n"
	case 1:
		body = "Content-Type: message/rfc822\r\n\r\nSubject: " + some() + "\r\n\r\n" + body
	default:
		body = "\r\n" + body + "\r\n"
	}
	return "From: " + some() + "\r\nX-List: " + some() + "\r\nSubject: " + some() + "\r\n" + body
}

// findProgram is a random search program of some depth.
func findProgram(r *rand.Rand, depth int) string {
	needle := func() string {
		w := findWords[r.IntN(len(findWords))]
		runes := []rune(w + " " + findWords[r.IntN(len(findWords))])
		from := r.IntN(len(runes))
		return fmt.Sprintf("%q", string(runes[from:min(len(runes), from+r.IntN(9))]))
	}
	if depth > 0 {
		switch r.IntN(4) {
		case 0:
			return "OR " + findProgram(r, depth-1) + " " + findProgram(r, depth-1)
		case 1:
			return "NOT " + findProgram(r, depth-1)
		case 2:
			return "(" + findProgram(r, depth-1) + " " + findProgram(r, depth-1) + ")"
		}
	}
	switch r.IntN(8) {
	case 0:
		return "SUBJECT " + needle()
	case 1:
		return "FROM " + needle()
	case 2:
		return "HEADER X-List " + needle()
	case 3:
		return "SEEN"
	case 4, 5:
		return "TEXT " + needle()
	}
	return "BODY " + needle()
}

// With and without the index a search finds the same, whatever is delivered,
// indexed, expunged and purged meanwhile.
func TestSearchIndexFindsWhatAScanDoes(t *testing.T) {
	w := newWorld(t, tweaks{})
	r := rand.New(rand.NewPCG(11, 12))
	for range 300 {
		w.deliver("alice", "INBOX", []byte(findLetter(r)))
	}
	m, err := w.store.Mailbox(t.Context(), w.account("alice").ID, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	defer busy.Wait()
	defer stop()
	busy.Go(func() {
		r := rand.New(rand.NewPCG(13, 14))
		for n := store.UID(1); ctx.Err() == nil; n += 1 + store.UID(r.IntN(3)) {
			w.deliver("alice", "INBOX", []byte(findLetter(r)))
			if _, err := m.Expunge(ctx, []store.UID{n}, true); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	for range 60 {
		program := findProgram(r, 3)
		s, v := sessionOf(t, m)
		with, err := search(t, s, v, m, program)
		if err != nil {
			t.Fatal(program, err)
		}
		scan, err := search(t, s, v, unindexed{m}, program)
		if err != nil {
			t.Fatal(program, err)
		}
		if !slices.Equal(with, scan) {
			t.Fatalf("%s: %v with the index, %v without", program, with, scan)
		}
	}
}

// What the index knows opens no file.
func TestSearchIndexSparesFiles(t *testing.T) {
	w := newWorld(t, tweaks{})
	for i := range 200 {
		w.deliver("alice", "INBOX", fmt.Appendf(nil, "Subject: number %d\r\n\r\nbody%d and more\r\n", i, i%20))
	}
	m, err := w.store.Mailbox(t.Context(), w.account("alice").ID, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, _, complete, err := w.store.TextProgress(t.Context()); err != nil {
			t.Fatal(err)
		} else if complete {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing is indexed")
		}
	}
	for program, want := range map[string]struct{ found, opened int }{
		"BODY body7": {10, 0}, "BODY nowhere": {0, 0}, "TEXT ODY7": {10, 0}, "SUBJECT number": {200, 0}, "SUBJECT \"number 7\"": {11, 0}, "NOT BODY body1": {90, 0},
		"BODY \"body7 and\"": {10, 10}, "OR BODY body7 BODY \"body8 and\"": {20, 10}, "BODY body7 BODY \"y8 a\"": {0, 0}, "TEXT \"body7 and\" 1:50": {3, 3},
		"HEADER X-None \"\"": {0, 0}, "BODY \"\"": {200, 0},
	} {
		s, v := sessionOf(t, m)
		box := &openCounter{messages: m}
		found, err := search(t, s, v, box, program)
		if err != nil || len(found) != want.found || box.opened != want.opened {
			t.Errorf("%s: %d found, %d opened, %v; want %d and %d", program, len(found), box.opened, err, want.found, want.opened)
		}
	}
}

func TestSearchEndsWhenNobodyWaits(t *testing.T) {
	f := newFake(strings.Split(strings.Repeat("Subject: x\r\n\r\ntext|", 600), "|")[:600]...)
	s, _ := fakeSession(f)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	p := parser{d: decoderOf("BODY y")}
	_, key := p.program()
	if _, err := (&finder{s: s, box: f, seen: s.view.seen, key: bind(key, s.view)}).run(ctx); !errors.Is(err, context.Canceled) || len(f.opened) > 0 {
		t.Errorf("%v, %d opened", err, len(f.opened))
	}
}

// sessionOf is a session with a mailbox of a real store selected.
func sessionOf(t *testing.T, m *store.Mailbox) (*session, *version) {
	t.Helper()
	v, err := (&box{Mailbox: m}).load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, _ := fakeSession(newFake())
	s.view.seen = v
	return s, v
}

func search(t *testing.T, s *session, v *version, box messages, program string) (uids []store.UID, err error) {
	t.Helper()
	p := parser{d: decoderOf("CHARSET UTF-8 " + program)}
	_, key := p.program()
	if err := p.d.End(); err != nil {
		return nil, err
	}
	found, err := (&finder{s: s, box: box, seen: v, key: bind(key, s.view)}).run(t.Context())
	for _, h := range found {
		uids = append(uids, h.uid)
	}
	return uids, err
}
