package main

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/maildir"
)

// fillQueue makes items of a thousand deliveries each, due in an hour.
func fillQueue(t *testing.T, s *server, items int) {
	t.Helper()
	cfg, err := (&cli{config: s.file}).loadConfig()
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), cfg.DataDir, maildir.New(cfg.DataDir), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range items {
		b, err := st.Put(t.Context(), &mail.Mail{Content: mail.Bytes("Subject: x\r\n\r\nx\r\n")})
		if err != nil {
			t.Fatal(err)
		}
		sp := store.Spooled{Blob: b, QueueID: mail.NewID(), Expires: time.Now().Add(time.Hour), Envelope: mail.Envelope{From: mail.Path{Local: "you", Domain: "example.test"}}}
		for i := range 1000 {
			sp.Deliveries = append(sp.Deliveries, store.NewDelivery{Recipient: mail.Recipient{Path: mail.Path{Local: fmt.Sprint("u", i), Domain: "away.test"}},
				Destination: "away.test", Due: time.Now().Add(time.Hour)})
		}
		if _, err := st.Commit(t.Context(), store.Change{Spool: []store.Spooled{sp}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

// Ctrl-C stops a long work between two parts: what it says was done is what is
// gone, and nothing is left half done.
func TestQueueDropIsInterrupted(t *testing.T) {
	s := &server{file: testConfig(t, nil), addr: map[string]string{}, log: &logBuffer{}}
	const total = 40_000
	fillQueue(t, s, total/1000)
	p := startOnTerminal(t, "--config", s.file, "queue", "drop", "--all", "--yes")
	p.see(t, fmt.Sprintf(" of %d ", total)) // the bar
	fmt.Fprint(p.person, "\x03")
	code := p.end(t)
	p.tty.Close()
	rest, _ := io.ReadAll(p.screen) // ends with EIO, as a terminal does
	m := regexp.MustCompile(`dropped: (\d+) deliveries\s+posthorn: interrupted: the rest is as it was`).FindSubmatch(rest)
	if code != exitFailed || m == nil {
		t.Fatalf("exit %d, and it said %q", code, rest)
	}
	dropped, _ := strconv.Atoi(string(m[1]))
	var out struct{ Groups []groupFacts }
	s.decode(t, &out, "queue", "list", "--by", "destination")
	if len(out.Groups) != 1 || dropped == 0 || int(out.Groups[0].Deliveries) != total-dropped {
		t.Errorf("%d dropped, and %+v wait", dropped, out.Groups)
	}
	s.verb(t, exitDone, "", "check")
}
