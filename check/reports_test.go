package check

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"posthorn/internal/dns"
	"posthorn/internal/dns/dnstest"
	"posthorn/mail"
	"posthorn/store"
)

// fakeOurs is one mail from alice to bob, and the addresses of here.test.
type fakeOurs struct{ err error }

func (f fakeOurs) FindSent(ctx context.Context, id string, sender mail.Path, to []mail.Path) (store.Sent, error) {
	if err := ctx.Err(); err != nil {
		return store.Sent{}, err // as the store does
	}
	for _, p := range to {
		if id == "one@here.test" && sender.Key().String() == "alice@here.test" && p.Key().String() == "bob@far.test" {
			return store.Sent{Item: 7, QueueID: "Q7", MessageID: id, Login: "alice@here.test", From: "alice@here.test", To: "bob@far.test"}, f.err
		}
	}
	return store.Sent{}, errors.Join(store.ErrNotFound, f.err)
}

func (f fakeOurs) Address(ctx context.Context, p mail.Path) (a store.Address, err error) {
	if err := ctx.Err(); err != nil {
		return a, err
	}
	if p.Domain != "here.test" {
		return a, store.ErrNotFound
	}
	a.Domain.Admin, a.Domain.CatchAll = "alice@here.test", "bert@here.test"
	ids := map[string]store.AccountID{"alice": 1, "bert": 2}
	targets := map[string]string{"sales": "alice@here.test", "away": "me@far.test"}
	if id := ids[p.Local]; id != 0 {
		a.Account = &store.Account{ID: id}
	}
	if t := targets[p.Local]; t != "" {
		next, _ := mail.ParsePath(t)
		a.Targets = []mail.Path{next}
	}
	return a, f.err
}

func (f fakeOurs) DKIMKeys(_ context.Context, domain string) ([]store.DKIMKey, error) {
	if domain != "here.test" {
		return nil, f.err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	return []store.DKIMKey{{Domain: domain, Selector: "mine", Private: private}}, errors.Join(err, f.err)
}

// sentMail is a mail as it went out, signed where selector says so.
func sentMail(t *testing.T, from, to, id, domain, selector string) string {
	t.Helper()
	m := fmt.Sprintf("From: Alice <%s>\r\nTo: %s\r\nSubject: hi\r\nMessage-ID: <%s>\r\n\r\nHello\r\n", from, to, id)
	if selector == "" {
		return m
	}
	var b bytes.Buffer
	err := dkim.Sign(&b, strings.NewReader(m), &dkim.SignOptions{Domain: domain, Selector: selector, Signer: crypto.Signer(key),
		HeaderKeys: []string{"From", "To", "Message-ID", "Subject"}, HeaderCanonicalization: "relaxed", BodyCanonicalization: "relaxed"})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// bounce is a report about a mail, which comes back without its body.
func bounce(original, recipient string) []byte {
	head, _, _ := strings.Cut(original, "\r\n\r\n")
	return []byte("From: MAILER-DAEMON@far.test\r\nSubject: Undelivered\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n" +
		"--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.far.test\r\n\r\nFinal-Recipient: rfc822;" + recipient +
		"\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such\x1b user\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n" + head + "\r\n\r\n--b--\r\n")
}

func reportPolicy(t *testing.T, cfg Config, ours Ours) Policy {
	t.Helper()
	z := zones()
	z["theirs._domainkey.here.test"] = z["k._domainkey.good.test"]
	z["down._domainkey.here.test"] = dnstest.Node{ServFail: true}
	return NewPolicy(cfg, dns.New(dnstest.Start(t, z).Addr), ours, slog.New(slog.DiscardHandler))
}

func TestReportsAreJudged(t *testing.T) {
	p := reportPolicy(t, Config{Reports: true}, fakeOurs{})
	mine := func(to, id, selector string) string {
		return sentMail(t, "alice@here.test", to, id, "here.test", selector)
	}
	const old = "t=1; "
	for _, c := range []struct {
		what, from, to string
		content        []byte
		genuine, junk  bool
	}{
		{"of mail in the sent log", "", "alice@here.test", bounce(mine("bob@far.test", "one@here.test", ""), "bob@far.test"), true, false},
		{"with a return path of its own", "daemon@far.test", "alice@here.test", bounce(mine("bob@far.test", "one@here.test", ""), "bob@far.test"), true, false},
		{"of a forwarder, who names another recipient", "", "alice@here.test", bounce(mine("bob@far.test", "one@here.test", ""), "bob@beyond.test"), true, false},
		{"of an id that is not ours", "", "alice@here.test", bounce(mine("bob@far.test", "two@here.test", ""), "bob@far.test"), false, true},
		{"of a recipient that had none", "", "alice@here.test", bounce(mine("eve@far.test", "one@here.test", ""), "eve@far.test"), false, true},
		{"to somebody else here", "", "bert@here.test", bounce(mine("bob@far.test", "one@here.test", ""), "bob@far.test"), false, true},
		{"forged, with a return path", "eve@far.test", "alice@here.test", bounce(mine("bob@far.test", "two@here.test", ""), "bob@far.test"), false, true},
		{"signed with our key", "", "alice@here.test", bounce(mine("x@y.test", "three@here.test", "mine"), "x@y.test"), true, false},
		{"signed with a key of ours in the DNS", "", "alice@here.test", bounce(mine("x@y.test", "three@here.test", "theirs"), "x@y.test"), true, false},
		{"signed, sent as an alias of hers", "", "sales@here.test", bounce(mine("x@y.test", "three@here.test", "mine"), "x@y.test"), true, false},
		{"signed, but for a colleague's mail", "", "bert@here.test", bounce(mine("x@y.test", "three@here.test", "mine"), "x@y.test"), false, true},
		{"signed with a key nobody published", "", "alice@here.test", bounce(mine("x@y.test", "three@here.test", "nobodys"), "x@y.test"), false, true},
		{"signed, then changed", "", "alice@here.test", bytes.Replace(bounce(mine("x@y.test", "three@here.test", "mine"), "x@y.test"), []byte("Subject: hi"), []byte("Subject: ho"), 1), false, true},
		{"signed by a stranger's domain", "", "alice@here.test", bounce(sentMail(t, "alice@here.test", "x@y.test", "three@here.test", "good.test", "k"), "x@y.test"), false, true},
		{"signed, and the DNS does not answer", "", "alice@here.test", bounce(mine("x@y.test", "three@here.test", "down"), "x@y.test"), false, false},
		{"signed long ago", "", "alice@here.test", bounce(strings.Replace(mine("x@y.test", "three@here.test", "mine"), "t=", old+"x=", 1), "x@y.test"), false, true},
		{"without a Message-ID", "", "alice@here.test", bounce("From: alice@here.test\r\n\r\n", "bob@far.test"), false, false},
		{"without anything", "", "alice@here.test", bounce("\r\n\r\n", "bob@far.test"), false, false},
		{"to postmaster", "", "postmaster@here.test", bounce(mine("bob@far.test", "two@here.test", ""), "bob@far.test"), false, false},
		{"to an alias of somebody elsewhere", "", "away@here.test", bounce(mine("bob@far.test", "two@here.test", ""), "bob@far.test"), false, false},
		{"to an address that nobody has", "", "gone@far.test", bounce(mine("bob@far.test", "two@here.test", ""), "bob@far.test"), false, false},
		{"to a domain's catch-all", "", "gone@here.test", bounce(mine("bob@far.test", "two@here.test", ""), "bob@far.test"), false, true},
		{"of forwarded mail, on its way back", "", "SRS0=abcdef=XY=far.test=bob@here.test", bounce(sentMail(t, "bob@far.test", "x@y.test", "five@far.test", "", ""), "x@y.test"), false, false},
		{"that is mail", "", "alice@here.test", []byte("From: a@b\r\nSubject: hi\r\n\r\nHello\r\n"), false, false},
		{"of a person, with a bounce in it", "eve@far.test", "alice@here.test", []byte("From: eve@far.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + mine("b@c", "two@here.test", "") + "\r\n--b--\r\n"), false, false},
	} {
		tx := arrive(t, "192.0.2.1", c.from, c.content)
		to, err := mail.ParsePath(c.to)
		if err != nil {
			t.Fatal(err)
		}
		tx.Envelope.To = []mail.Recipient{{Path: to}}
		if err := p.Run(t.Context(), OnData, tx); err != nil {
			t.Errorf("a report %s: %v", c.what, err)
		}
		if genuine, junk := len(tx.Returned) > 0, string(tx.Head) == mail.JunkField; genuine != c.genuine || junk != c.junk {
			t.Errorf("a report %s: genuine %v, junk %v", c.what, genuine, junk)
		}
	}
}

func TestReportIsFiled(t *testing.T) {
	p := reportPolicy(t, DefaultConfig(), fakeOurs{})
	tx := arrive(t, "192.0.2.1", "", bounce(sentMail(t, "alice@here.test", "bob@far.test", "one@here.test", "", ""), "bob@far.test"))
	tx.Envelope.To = []mail.Recipient{{Path: mail.Path{Local: "Alice", Domain: "here.test"}}}
	if err := p.Run(t.Context(), OnData, tx); err != nil {
		t.Fatal(err)
	}
	want := mail.Returned{Item: 7, QueueID: "Q7", MessageID: "one@here.test", Login: "alice@here.test", From: "alice@here.test", To: "bob@far.test",
		Action: "failed", MTA: "mx.far.test", Status: "550 5.1.1 no such  user"}
	if len(tx.Returned) != 1 || tx.Returned[0] != want || bytes.Contains(tx.Head, []byte(mail.JunkField)) {
		t.Errorf("got %+v\n%s", tx.Returned, tx.Head)
	}
}

// A store that fails judges nothing.
func TestReportsAreNotJunkWhileTheStoreFails(t *testing.T) {
	p := reportPolicy(t, Config{Reports: true}, fakeOurs{err: store.ErrReadOnly})
	tx := arrive(t, "192.0.2.1", "", bounce(sentMail(t, "alice@here.test", "bob@far.test", "two@here.test", "", ""), "bob@far.test"))
	tx.Envelope.To = []mail.Recipient{{Path: mail.Path{Local: "alice", Domain: "here.test"}}}
	if err := p.Run(t.Context(), OnData, tx); err != nil || len(tx.Head) > 0 {
		t.Errorf("%v %s", err, tx.Head)
	}
}

// Who floods us with reports costs bounded work: at most a few keys are asked
// for, and whatever is behind the first mebibyte is not read.
func TestReportsAreBounded(t *testing.T) {
	p := reportPolicy(t, Config{Reports: true}, fakeOurs{})
	var head strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&head, "DKIM-Signature: v=1; a=ed25519-sha256; d=here.test; s=s%d; h=From:Message-ID; t=%d; bh=AA; b=AAAA\r\n", i, time.Now().Unix())
	}
	tx := arrive(t, "192.0.2.1", "", bounce(head.String()+sentMail(t, "alice@here.test", "bob@far.test", "two@here.test", "", ""), "bob@far.test"))
	tx.Envelope.To = []mail.Recipient{{Path: mail.Path{Local: "alice", Domain: "here.test"}}}
	start := time.Now()
	if err := p.Run(t.Context(), OnData, tx); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > patience {
		t.Errorf("it took %v", took)
	}
}

// Who forges a report picks the domains that the other checks ask the DNS about,
// and may keep those waiting for as long as they have patience. The report is judged
// all the same.
func TestReportsAreJudgedWhateverOtherChecksWaitedFor(t *testing.T) {
	p := reportPolicy(t, DefaultConfig(), fakeOurs{})
	forged := bounce(fmt.Sprintf("DKIM-Signature: v=1; a=ed25519-sha256; d=here.test; s=none; h=From:Message-ID; t=%d; bh=AA==; b=AA==\r\n", time.Now().Unix())+
		sentMail(t, "alice@here.test", "bob@far.test", "two@here.test", "", ""), "bob@far.test")
	tx := arrive(t, "192.0.2.1", "", forged)
	tx.Helo = "silent.test"
	tx.Envelope.To = []mail.Recipient{{Path: mail.Path{Local: "alice", Domain: "here.test"}}}
	start := time.Now()
	if err := p.Run(t.Context(), OnMail, tx); err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context(), OnData, tx); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < patience {
		t.Fatalf("nobody was kept waiting: it took %v", took)
	}
	if !bytes.Contains(tx.Head, []byte(mail.JunkField)) {
		t.Errorf("a forged report is not junk:\n%s", tx.Head)
	}
}

// Where our mail leaves with tags, what nothing proves is refused, and what came
// to a tag is believed.
func TestReportsAreRefused(t *testing.T) {
	p := reportPolicy(t, Config{Reports: true, BATV: true}, fakeOurs{})
	mine := func(id, selector string) string {
		return sentMail(t, "alice@here.test", "bob@far.test", id, "here.test", selector)
	}
	forged, bare := bounce(mine("two@here.test", ""), "bob@far.test"), bounce("\r\n\r\n", "bob@far.test")
	for _, c := range []struct {
		what, from, to string
		content        []byte
		tagged         bool
		refused, junk  bool
		genuine        bool
	}{
		{what: "to a tag, of mail nobody knows of", content: forged, tagged: true}, // believed, and filed with nothing
		{what: "to a tag, of mail in the sent log", content: bounce(mine("one@here.test", ""), "bob@far.test"), tagged: true, genuine: true},
		{what: "to a tag, which brings nothing back", content: bare, tagged: true},
		{what: "to the plain address", content: forged, refused: true},
		{what: "to the plain address, which brings nothing back", content: bare, refused: true},
		{what: "to the plain address, of mail from before", content: bounce(mine("one@here.test", ""), "bob@far.test"), genuine: true},
		{what: "to the plain address, signed with our key", content: bounce(mine("two@here.test", "mine"), "bob@far.test"), genuine: true},
		{what: "with a return path", from: "eve@far.test", content: forged, junk: true},
		{what: "with a return path, which brings nothing back", from: "eve@far.test", content: bare},
		{what: "to postmaster", to: "postmaster@here.test", content: forged},
		{what: "to an alias of somebody elsewhere", to: "away@here.test", content: forged},
		{what: "to an address that is too long for a tag", to: "alice+" + strings.Repeat("a", 50) + "@here.test", content: forged, junk: true},
		{what: "of a mail that was read", content: []byte("From: bob@far.test\r\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n--b\r\n\r\nRead.\r\n--b\r\n" +
			"Content-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822;bob@far.test\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--b--\r\n")},
		{what: "that is an answer", content: []byte("From: bob@far.test\r\nAuto-Submitted: auto-replied\r\nSubject: Away\r\n\r\nI am away.\r\n")},
	} {
		tx := arrive(t, "192.0.2.1", c.from, c.content)
		if c.to == "" {
			c.to = "alice@here.test"
		}
		to, err := mail.ParsePath(c.to)
		if err != nil {
			t.Fatal(err)
		}
		tx.Envelope.To, tx.Tagged = []mail.Recipient{{Path: to}}, c.tagged
		err = p.Run(t.Context(), OnData, tx)
		if refused := errors.Is(err, mail.ForgedBounce); refused != c.refused || err != nil && !refused {
			t.Errorf("a report %s: %v", c.what, err)
		}
		if genuine, junk := len(tx.Returned) > 0, string(tx.Head) == mail.JunkField; genuine != c.genuine || junk != c.junk {
			t.Errorf("a report %s: genuine %v, junk %v", c.what, genuine, junk)
		}
	}
	failing := reportPolicy(t, Config{Reports: true, BATV: true}, fakeOurs{err: store.ErrReadOnly})
	tx := arrive(t, "192.0.2.1", "", forged)
	tx.Envelope.To = []mail.Recipient{{Path: mail.Path{Local: "alice", Domain: "here.test"}}}
	if err := failing.Run(t.Context(), OnData, tx); err != nil || len(tx.Head) > 0 {
		t.Errorf("while the store fails: %v %s", err, tx.Head)
	}
}
