package mda

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"posthorn/mail"
	"posthorn/store"
)

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		address, want string
		refused       error
	}{
		{address: "alice@a.test", want: "alice"},
		{address: "ALICE@A.Test", want: "alice"},
		{address: "post.u\u0308bung@a.test", want: "post.übung"},
		{address: "alice@alias.test", want: "alice"},
		{address: "alice+news@alias.test", want: "alice"},
		{address: "team@a.test", want: "alice bob"},
		{address: "team+x@alias.test", want: "alice bob"},
		{address: "nested@a.test", want: "alice bob carol@far.test"},
		{address: "keep@a.test", want: "keep Kept@Far.test"},
		{address: "keep@alias.test", want: "keep Kept@Far.test"},
		{address: "half@a.test", want: "bob"},
		{address: "out@a.test", want: "one@far.test two@far.test"},
		{address: "any.body@all.test", want: "bob"},
		{address: "any+detail@all.test", want: "bob"},
		{address: "postmaster@a.test", want: "root"},
		{address: "Abuse@alias.test", want: "root"},
		{address: "postmaster@all.test", want: "boss@far.test"},
		{address: "Postmaster", want: "root"},
		{address: "gone@a.test", refused: mail.NoSuchMailbox},
		{address: "gone+x@a.test", refused: mail.NoSuchMailbox},
		{address: "+x@a.test", refused: mail.NoSuchMailbox},
		{address: "gone1@a.test", refused: mail.NoSuchMailbox},
		{address: "postmaster@bare.test", refused: mail.NobodyAnswers},
		{address: "postmaster@far.test", refused: mail.RelayDenied},
		{address: "off@a.test", refused: mail.MailboxDisabled},
		{address: "ring@a.test", refused: mail.AliasLoop},
		{address: "hop0@a.test", refused: mail.AliasLoop},
		{address: fmt.Sprintf("hop%d@a.test", maxHops+1), want: "bob"},
		{address: "x@far.test", refused: mail.RelayDenied},
	} {
		t.Run(c.address, func(t *testing.T) {
			f := newFake()
			m := f.mda("mail.a.test")
			r := to(t, c.address)
			release, err := m.Verify(t.Context(), mail.Path{}, r[0], 0)
			if !errors.Is(err, c.refused) {
				t.Fatalf("Verify: %v", err)
			}
			if err == nil {
				release()
				release()
			}
			for id, n := range f.held {
				if n != 0 {
					t.Errorf("account %d holds %d promises", id, n)
				}
			}
			p := m.Place(t.Context(), &mail.Mail{Content: mail.Bytes("\r\n")}, r)[0]
			if got := f.shown(p); got != c.want || !errors.Is(p.Status.Reply.Err(), c.refused) {
				t.Errorf("got %q, %v", got, p.Status)
			}
		})
	}
}

func TestFullMailbox(t *testing.T) {
	f := newFake()
	m := f.mda("")
	if _, err := m.Verify(t.Context(), mail.Path{}, to(t, "full@a.test")[0], 10); !errors.Is(err, mail.MailboxFull) || !strings.Contains(err.Error(), "full@a.test") {
		t.Errorf("got %v", err)
	}
	m.cfg.FullMailbox = 552
	if _, err := m.Verify(t.Context(), mail.Path{}, to(t, "full@a.test")[0], 10); !errors.Is(err, mail.MailboxFullHard) {
		t.Errorf("got %v", err)
	}
	f.targets["both@a.test"] = []string{"bob@a.test", "full@a.test"}
	if _, err := m.Verify(t.Context(), mail.Path{}, to(t, "both@a.test")[0], 10); !errors.Is(err, mail.MailboxFullHard) || !strings.Contains(err.Error(), "both@a.test") {
		t.Errorf("an alias with a full member: %v", err)
	}
	if n := f.held[f.accounts["bob@a.test"].ID]; n != 0 {
		t.Errorf("a refused alias still holds %d promises", n)
	}
	f.full = f.accounts["root@a.test"].ID
	for _, a := range []string{"postmaster@a.test", "abuse@a.test", "Postmaster"} {
		if _, err := m.Verify(t.Context(), mail.Path{}, to(t, a)[0], 10); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
}

func TestFailingStore(t *testing.T) {
	f := newFake()
	f.err = store.ErrCorrupt
	m := f.mda("")
	if _, err := m.Verify(t.Context(), mail.Path{}, to(t, "alice@a.test")[0], 0); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("Verify: %v", err)
	}
	if _, err := m.Local(t.Context(), "a.test"); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("Local: %v", err)
	}
	p := m.Place(t.Context(), &mail.Mail{Content: mail.Bytes("")}, to(t, "alice@a.test", "Postmaster"))
	for _, p := range p {
		if !errors.Is(p.Status.Reply, mail.LocalError) || len(p.Into) > 0 {
			t.Errorf("Place: %+v", p)
		}
	}
	f.err = store.ErrNoSpace
	if p := m.Place(t.Context(), &mail.Mail{}, to(t, "alice@a.test"))[0]; !errors.Is(p.Status.Reply, mail.DiskFull) {
		t.Errorf("without space: %v", p.Status)
	}
}

func TestLocal(t *testing.T) {
	m := newFake().mda("")
	for domain, want := range map[string]bool{"a.test": true, "alias.test": true, "": true, "far.test": false} {
		if got, err := m.Local(t.Context(), domain); got != want || err != nil {
			t.Errorf("%q: %v %v", domain, got, err)
		}
	}
}

func TestPostmasterOfAnotherHost(t *testing.T) {
	f := newFake()
	if got := f.shown(f.mda("mx.all.test").Place(t.Context(), &mail.Mail{Content: mail.Bytes("")}, to(t, "postmaster"))[0]); got != "boss@far.test" {
		t.Errorf("by the host's name: %s", got)
	}
	f.domains = nil
	if _, err := f.mda("").Verify(t.Context(), mail.Path{}, to(t, "postmaster")[0], 0); !errors.Is(err, mail.NoSuchMailbox) {
		t.Errorf("without any domain: %v", err)
	}
}

func TestOneCopyOverAllRecipients(t *testing.T) {
	f := newFake()
	all := f.mda("").Place(t.Context(), &mail.Mail{Content: mail.Bytes("")}, to(t, "alice@a.test", "nested@a.test", "bob+x@a.test", "out@a.test", "out2@a.test"))
	var got []string
	for _, p := range all {
		got = append(got, f.shown(p))
		if !errors.Is(p.Status.Reply, mail.Delivered) {
			t.Errorf("%v", p.Status)
		}
	}
	want := []string{"alice", "bob carol@far.test", "", "one@far.test two@far.test", "grüße@far.test"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if m := all[4].Onward[0]; !m.UTF8 {
		t.Error("a non-ASCII address goes on without SMTPUTF8")
	}
}

func TestJunkGoesToJunk(t *testing.T) {
	f := newFake()
	junk := &mail.Mail{Head: []byte(mail.JunkField), Content: mail.Bytes("")}
	for m, want := range map[*mail.Mail]store.Role{junk: store.RoleJunk, {Content: mail.Bytes(mail.JunkField)}: store.RoleInbox} {
		if in := f.mda("").Place(t.Context(), m, to(t, "alice@a.test"))[0].Into[0]; in.Role != want || !in.Overdraw {
			t.Errorf("got %+v", in)
		}
	}
}

func TestForward(t *testing.T) {
	f := newFake()
	from := mail.Path{Local: "s", Domain: "far.test"}
	m := &mail.Mail{
		Envelope: mail.Envelope{From: from, ID: "e1", To: to(t, "out@a.test")},
		QueueID:  "Q1",
		Origin:   mail.Origin{Proven: true},
		Head:     []byte("Received: from x\r\n\tby y\r\n"),
		Content:  mail.Bytes("Subject: hi\r\n\r\n"),
	}
	r := mail.Recipient{Path: mail.Path{Local: "Out", Domain: "a.test"}, Notify: mail.NotifyNever}
	next := f.mda("").Place(t.Context(), m, []mail.Recipient{r})[0].Onward[0]
	if next.From != from || next.ID != "e1" || !next.Origin.Proven || next.QueueID == "Q1" || next.QueueID == "" {
		t.Errorf("got %+v", next)
	}
	if got := next.To[0]; got.ORCPT != "rfc822;Out@a.test" || got.Notify != mail.NotifyNever {
		t.Errorf("recipient %+v", got)
	}
	body, err := next.Reader()
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if want := "Delivered-To: out@a.test\r\nReceived: from x\r\n\tby y\r\nSubject: hi\r\n\r\n"; string(text) != want || err != nil {
		t.Errorf("got %q %v", text, err)
	}
	if len(m.To) != 1 || !strings.HasPrefix(string(m.Head), "Received") {
		t.Error("the original was changed")
	}

	// It comes back.
	back := &mail.Mail{Content: mail.Bytes(text)}
	for address, want := range map[string]error{
		"out@a.test":     mail.MailLoop,
		"Out@alias.test": nil, // another address, which will know it the next time
		"out2@a.test":    nil,
		"alice@a.test":   nil,
	} {
		if p := f.mda("").Place(t.Context(), back, to(t, address))[0]; !errors.Is(p.Status.Reply.Err(), want) || want != nil && len(p.Onward)+len(p.Into) > 0 {
			t.Errorf("%s: %v", address, p)
		}
	}
}

func TestConfig(t *testing.T) {
	c := DefaultConfig()
	if err := toml.Unmarshal([]byte(`full_mailbox = "552"`), &c); err != nil || c.FullMailbox != 552 {
		t.Errorf("%v %v", c, err)
	}
	if err := toml.Unmarshal([]byte(`full_mailbox = "550"`), &c); err == nil {
		t.Error("550 was taken")
	}
}
