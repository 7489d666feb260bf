package imapd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"posthorn/mail"
)

// multiAppend is one APPEND of n messages of so many octets.
func multiAppend(n, size int) string {
	var b strings.Builder
	b.WriteString("APPEND INBOX")
	for i := range n {
		text := fmt.Sprintf("Subject: message %d\r\n\r\n", i+1)
		text += strings.Repeat("x", max(0, size-len(text)))
		fmt.Fprintf(&b, " {%d+}\r\n%s", len(text), text)
	}
	return b.String()
}

// More messages than stay open until their commit: all come, in their order, or
// none.
func TestManyMessagesInOneAppend(t *testing.T) {
	const n = 3 * maxStaged
	w := newWorld(t, tweaks{})
	cl := newClient(t, w, "client", "alice@example.test")
	cl.send("a " + multiAppend(n, 100) + " {0+}\r\n")
	if l := cl.line(); !strings.HasPrefix(l, "a NO ") {
		t.Fatalf("with an empty message: %s", l)
	}
	cl.open()
	if len(cl.box) != 0 {
		t.Fatalf("%d messages came in spite of the NO", len(cl.box))
	}
	cl.send("b " + multiAppend(n, 100))
	for !strings.HasPrefix(cl.line(), "b OK [APPENDUID ") {
	}
	cl.open()
	if len(cl.box) != n {
		t.Fatalf("%d messages", len(cl.box))
	}
	for _, i := range []int{1, maxStaged, maxStaged + 1, n} {
		cl.send(fmt.Sprintf("c FETCH %d BODY.PEEK[HEADER.FIELDS (SUBJECT)]", i))
		cl.line()
		if l, want := cl.line(), fmt.Sprintf("Subject: message %d", i); l != want {
			t.Errorf("message %d has %q", i, l)
		}
		for !strings.HasPrefix(cl.line(), "c OK") {
		}
	}
}

// A sync that fails is told when all have ended.
func TestSyncerTellsFailures(t *testing.T) {
	w := newWorld(t, tweaks{})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var y syncer
	for i := range 3 * maxSyncing {
		b, err := w.store.Put(t.Context(), &mail.Mail{Content: mail.Bytes("Subject: x\r\n\r\n")})
		if err != nil {
			t.Fatal(err)
		}
		defer w.store.Discard(b)
		ctx := t.Context()
		if i == maxSyncing {
			ctx = gone
		}
		y.begin(ctx, w.store, b)
	}
	if err := y.wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkMultiAppend(b *testing.B) {
	const n = 500
	w := newWorld(b, tweaks{})
	cl := newClient(b, w, "client", "alice@example.test")
	command := multiAppend(n, 10<<10)
	for b.Loop() {
		cl.send("a " + command)
		for !strings.HasPrefix(cl.line(), "a OK") {
		}
		cl.log = nil
	}
	b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "messages/s")
}
