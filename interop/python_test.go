package interop

import (
	"testing"

	"posthorn/interop/peer"
)

func TestPython(t *testing.T) {
	need(t, "python3")
	pr := serve(t, peer.Posthorn{})
	for _, c := range []struct {
		name, script string
		args         []string
	}{
		{"imaplib", "imap_session.py", []string{address("alice")}},
		{"poplib", "pop3_session.py", []string{address("bob")}},
		{"smtplib", "smtp_session.py", []string{address("carol"), address("alice")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			contains(t, python(t, pr.Server, c.script, c.args...), "ok\n")
		})
	}
}
