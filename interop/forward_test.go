package interop

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

// A stranger, another Posthorn, writes to aliases of ours that lead to a Postfix.
// What arrives there comes from our domain, is sealed, and is else as it was. One
// is taken and found to be nobody's later: the bounce comes back to us and goes on
// to the stranger's server, where it is believed and in INBOX.
func TestBounceOfForwardedMailFindsItsSender(t *testing.T) {
	w := newWorld(t, true)
	for alias, target := range map[string]string{"fwd@example.test": "emil@postfix.test", "shop@example.test": "late@postfix.test"} {
		if _, err := w.here.Verb("", "alias", "add", alias, target); err != nil {
			t.Fatal(err)
		}
	}
	submit(t, w.there.Server, "dora@there.test", "fwd@example.test", "sent on")
	got := arrives(t, w.postfix, "emil@postfix.test", "Subject: sent on")
	contains(t, got, "Return-Path: <SRS0=", "=there.test=dora@example.test>", "Delivered-To: fwd@example.test", "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=example.test")

	t.Run("the seal holds for dkimpy", func(t *testing.T) {
		needDkimpy(t)
		sealed := got[strings.Index(got, "ARC-Seal:"):] // Postfix's and Dovecot's trace is above
		if said := dkimpy(t, dkimRecords(t, w), sealed, "verify"); !strings.HasPrefix(said, "pass") {
			t.Errorf("dkimpy: %s", said)
		}
	})
	t.Run("there and back", func(t *testing.T) {
		submit(t, w.there.Server, "dora@there.test", "shop@example.test", "there and back")
		bounce := arrives(t, w.there.Server, "dora@there.test", "Undelivered Mail Returned to Sender")
		contains(t, bounce, "Return-Path: <>", "Final-Recipient: rfc822; late@postfix.test", "Subject: there and back", "Delivered-To: srs0=")
		if junk := mailbox(t, w.there.Server, "dora@there.test", "Junk"); len(junk) != 0 {
			t.Errorf("in Junk: %s", strings.Join(junk, "\n"))
		}
		out, err := w.here.Verb("", "trace", "shop@example.test")
		if err != nil {
			t.Fatal(err)
		}
		contains(t, out, "forwarded", "relayed")
	})
	t.Run("nobody proved who wrote", func(t *testing.T) {
		mustRun(t, "", "swaks", "--server", w.here.Server.SMTP, "--from", "ghost@postfix.test", "--to", "shop@example.test")
		eventually(t, "the bounce comes and is refused", 30*time.Second, func() bool {
			log, err := os.ReadFile(w.here.LogFile())
			if err != nil {
				t.Fatal(err)
			}
			return strings.Contains(string(log), "550 5.7.1 Nothing proved that ghost@postfix.test wrote")
		})
	})
	t.Run("addresses that lead back to nobody else", func(t *testing.T) {
		_, path, _ := strings.Cut(got, "Return-Path: <")
		path, _, _ = strings.Cut(path, ">")
		for _, c := range []struct{ from, to, want string }{
			{"<>", strings.Replace(path, "=dora", "=eve", 1), "550 5.7.1"},
			{"dora@there.test", path, "550 5.7.1"},
			{"<>", path, "250 2."},
			{"<>", strings.ToLower(path), "250 2."},
		} {
			said, _ := program(t, "", "swaks", "--server", w.here.Server.SMTP, "--from", c.from, "--to", c.to, "--quit-after", "RCPT") // it fails where it is refused
			_, reply, _ := strings.Cut(said, "RCPT TO:")
			if !strings.Contains(strings.SplitN(reply, "QUIT", 2)[0], c.want) {
				t.Errorf("%s to %s: %s", c.from, c.to, said)
			}
		}
	})
}

// dkimRecords are the keys of example.test as `posthorn domain dns` has them, for
// testdata/arc.py.
func dkimRecords(t *testing.T, w *world) string {
	t.Helper()
	out, err := w.here.Verb("", "domain", "dns", "example.test", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var zone []struct{ Name, Type, Value string }
	if err := json.Unmarshal([]byte(out), &zone); err != nil {
		t.Fatal(err)
	}
	records := ""
	for _, r := range zone {
		if r.Type == "TXT" && strings.Contains(r.Name, "._domainkey.") {
			records += strings.TrimSuffix(r.Name, ".") + " " + strings.Trim(strings.ReplaceAll(r.Value, `" "`, ""), `"`) + "\n"
		}
	}
	return records
}
