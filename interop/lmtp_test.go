package interop

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"posthorn/interop/peer"
)

// A server before us hands on mail by LMTP: swaks and Postfix's smtp-source
// stand for it.
func TestLMTP(t *testing.T) {
	need(t, "swaks", "smtp-source")
	socket := filepath.Join(t.TempDir(), "lmtp")
	pr := serve(t, peer.Posthorn{Config: fmt.Sprintf("[lmtp]\nlisten = %q\n", socket)})
	// Only the recipients are answered one by one, and swaks ends with what it
	// was told last.
	out, _ := program(t, "", "swaks", "--protocol", "LMTP", "--socket", socket, "--helo", "front.test", "--from", "stranger@elsewhere.test",
		"--to", address("alice")+","+address("nobody")+","+address("bob"), "--header", "Subject: by lmtp")
	contains(t, out, "<** 550 5.1.1")
	if n := strings.Count(out, "<-  250 2.0.0 Ok: queued as"); n != 2 {
		t.Errorf("%d replies to the content of two recipients:\n%s", n, out)
	}
	for _, user := range []string{"alice", "bob"} {
		contains(t, strings.Join(inbox(t, pr.Server, address(user)), "\n"), "Subject: by lmtp", "Return-Path: <stranger@elsewhere.test>", "with LMTP")
	}

	mustRun(t, "", "smtp-source", "-L", "-s", "4", "-m", "200", "-l", "2000", "-f", "stranger@elsewhere.test", "-t", address("carol"), "unix:"+socket)
	if n := len(inbox(t, pr.Server, address("carol"))); n != 200 {
		t.Errorf("%d messages arrived of 200", n)
	}
}
