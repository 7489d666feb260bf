package imapd

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// The log tells who opened which mailbox to whom, and nothing of what was refused.
func TestRightsThatChangeAreLogged(t *testing.T) {
	w := newWorld(t, tweaks{})
	var log bytes.Buffer
	w.stop()
	w.server.log = slog.New(slog.NewTextHandler(&log, nil))
	w.listen()
	c := w.talk("LOGIN alice@example.test secret", "SETACL INBOX bob@example.test +lr", "DELETEACL INBOX bob@example.test")
	if _, tagged := c.do("SETACL INBOX nobody@example.test lr"); !strings.HasPrefix(tagged, "NO ") {
		t.Errorf("an unknown identifier: %s", tagged)
	}
	c.Close()
	w.stop()
	w.stop = func() {}
	for _, want := range []string{
		"account=alice@example.test mailbox=INBOX identifier=bob@example.test rights=+lr",
		`account=alice@example.test mailbox=INBOX identifier=bob@example.test rights=""`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in\n%s", want, &log)
		}
	}
	if strings.Contains(log.String(), "nobody") {
		t.Errorf("a refusal is in\n%s", &log)
	}
}
