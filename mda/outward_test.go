package mda

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/mail/srs"
	"posthorn/store"
)

// sentOn places a message from a return path for an alias that leads elsewhere,
// and gives what leaves.
func sentOn(t *testing.T, m *MDA, from string) *mail.Mail {
	t.Helper()
	p, err := mail.ParsePath(from)
	if err != nil {
		t.Fatal(err)
	}
	msg := &mail.Mail{Envelope: mail.Envelope{From: p}, Content: mail.Bytes("\r\n")}
	placed := m.Place(t.Context(), msg, to(t, "out@a.test"))[0]
	if len(placed.Onward) != 1 {
		t.Fatalf("%+v", placed)
	}
	return placed.Onward[0]
}

func TestOutward(t *testing.T) {
	m := newFake().mda("mail.a.test")
	for from, want := range map[string]string{
		"s@far.test":                         "SRS0=",
		"":                                   "", // a bounce stays one
		"alice@a.test":                       "", // ours may use our domain
		"x@alias.test":                       "",
		"SRS0=abcd=XY=x.test=s@far.test":     "SRS1=",
		strings.Repeat("a", 240) + "@x.test": "null",
	} {
		next := sentOn(t, m, from)
		if next.Origin.Forwarder.String() != "out@a.test" || next.From.String() != from {
			t.Errorf("from %s: %+v", from, next)
		}
		p, err := m.Outward(t.Context(), next)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		switch {
		case p == nil:
		case p.IsNull():
			got = "null"
		case p.Domain == "a.test":
			got = p.Local[:5]
		}
		if got != want {
			t.Errorf("from %s: %v", from, p)
		}
	}
	if p, err := m.Outward(t.Context(), &mail.Mail{Envelope: mail.Envelope{From: mail.Path{Local: "s", Domain: "far.test"}}}); p != nil || err != nil {
		t.Errorf("nobody sent it on: %v %v", p, err)
	}
	m.cfg.SRS = false
	if p, err := m.Outward(t.Context(), sentOn(t, m, "s@far.test")); p != nil || err != nil {
		t.Errorf("switched off: %v %v", p, err)
	}
}

// A bounce to a return path that was given out finds its way on; nothing else
// does.
func TestBouncesComeBack(t *testing.T) {
	f := newFake()
	m := f.mda("mail.a.test")
	m.cfg.SRS = false // what was given out before counts
	r, err := m.rewriter(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	rewritten := func(from string, age time.Duration) string {
		p, err := mail.ParsePath(from)
		if err != nil {
			t.Fatal(err)
		}
		p, _ = r.Forward(p, "a.test", time.Now().Add(-age))
		return p.String()
	}
	const day = 24 * time.Hour
	good := rewritten("S@far.test", day)
	twice, _ := mail.ParsePath(rewritten("s@far.test", 0))
	twice, _ = srs.Rewriter{Key: []byte("of another")}.Forward(twice, "b.test", time.Now())
	for _, c := range []struct {
		address, from, want string
		refused             error
	}{
		{address: good, want: "S@far.test"},
		{address: strings.ToLower(good), want: "s@far.test"},
		{address: strings.Replace(good, "@a.test", "@alias.test", 1), want: "S@far.test"},
		{address: rewritten("SRS0=abcd=XY=x.test=s@far.test", day), want: "SRS0=abcd=XY=x.test=s@far.test"},
		{address: rewritten("alice@a.test", day), want: "alice"},
		{address: rewritten(rewritten("s@far.test", day), day), want: "s@far.test"}, // through two aliases of ours
		{address: good, from: "eve@far.test", refused: mail.BouncesOnly},
		{address: rewritten("s@far.test", 30*day), refused: mail.BadReturnPath},
		{address: strings.Replace(good, "=S@", "=eve@", 1), refused: mail.BadReturnPath},
		{address: twice.Local + "@a.test", refused: mail.BadReturnPath},
		{address: "srs0=me@a.test", refused: mail.NoSuchMailbox},
		{address: good[:strings.Index(good, "@")] + "@far.test", refused: mail.RelayDenied},
	} {
		p := to(t, c.address)[0]
		from, _ := mail.ParsePath(c.from)
		if release, err := m.Verify(t.Context(), from, p, 0); !errors.Is(err, c.refused) {
			t.Errorf("Verify %s: %v", c.address, err)
		} else if err == nil {
			release()
		}
		msg := &mail.Mail{Envelope: mail.Envelope{From: from}, Content: mail.Bytes("\r\n")}
		placed := m.Place(t.Context(), msg, []mail.Recipient{p})[0]
		if got := f.shown(placed); got != c.want || !errors.Is(placed.Status.Reply.Err(), c.refused) {
			t.Errorf("%s: %q %v", c.address, got, placed.Status)
		}
		for _, next := range placed.Onward {
			if !next.Origin.Forwarder.IsNull() || !next.From.IsNull() {
				t.Errorf("%s: a bounce goes on as %+v", c.address, next)
			}
		}
	}
	// It comes back to us: the host it was sent to returns it to the same address.
	back := &mail.Mail{Content: mail.Bytes("Delivered-To: " + strings.ToLower(good) + "\r\n\r\n")}
	if p := m.Place(t.Context(), back, to(t, good))[0]; !errors.Is(p.Status.Reply, mail.MailLoop) {
		t.Errorf("a loop: %v", p.Status)
	}
}

// Who is not proven to have written what was sent on gets no report about it from
// us, whoever makes it.
func TestBouncesOfTheUnprovenStay(t *testing.T) {
	f := newFake()
	m := f.mda("mail.a.test")
	for proven, want := range map[bool]error{true: nil, false: mail.NeverWrote} {
		next := sentOn(t, m, "s@far.test")
		next.Origin.Proven = proven
		path, err := m.Outward(t.Context(), next)
		if err != nil || path == nil {
			t.Fatalf("%v %v", path, err)
		}
		p := mail.Recipient{Path: *path}
		release, err := m.Verify(t.Context(), mail.Path{}, p, 0)
		if err != nil {
			t.Fatalf("a host that asks for the sender is refused: %v", err)
		}
		release()
		placed := m.Place(t.Context(), &mail.Mail{Content: mail.Bytes("\r\n")}, []mail.Recipient{p})[0]
		if !errors.Is(placed.Status.Reply.Err(), want) || (len(placed.Onward) == 0) == proven {
			t.Errorf("proven %v: %+v", proven, placed)
		}
		if _, err := m.Verify(t.Context(), mail.Path{Local: "eve", Domain: "far.test"}, p, 0); !errors.Is(err, mail.BouncesOnly) {
			t.Errorf("other mail to it: %v", err)
		}
	}
}

func TestJunkIsNotSentOn(t *testing.T) {
	f := newFake()
	m := f.mda("")
	junk := &mail.Mail{Head: []byte(mail.JunkField), Content: mail.Bytes("\r\n")}
	for address, want := range map[string]struct {
		shown    string
		refused  error
		withheld []string
	}{
		"out@a.test":    {refused: mail.JunkStays},
		"keep@a.test":   {shown: "keep", withheld: []string{"Kept@Far.test"}},
		"nested@a.test": {shown: "alice bob", withheld: []string{"carol@far.test"}},
		"team@a.test":   {shown: "alice bob"},
	} {
		p := m.Place(t.Context(), junk, to(t, address))[0]
		var withheld []string
		for _, w := range p.Withheld {
			withheld = append(withheld, w.String())
		}
		if got := f.shown(p); got != want.shown || !errors.Is(p.Status.Reply.Err(), want.refused) || !slices.Equal(withheld, want.withheld) {
			t.Errorf("%s: %q %v %v", address, got, p.Status, withheld)
		}
		for _, in := range p.Into {
			if in.Role != store.RoleJunk {
				t.Errorf("%s: into %s", address, in.Role)
			}
		}
	}
}

func TestOurMailIsTagged(t *testing.T) {
	m := newFake().mda("mail.a.test")
	m.cfg.BATV = true
	login, local := mail.Origin{Login: "alice@a.test"}, mail.Origin{Protocol: "local"}
	forwarded := login
	forwarded.Forwarder = mail.Path{Local: "out", Domain: "a.test"}
	for _, c := range []struct {
		what, from string
		origin     mail.Origin
		want       string // the start
	}{
		{"an account's", "Alice+x@a.test", login, "prvs="},
		{"an account's in another domain of ours", "x@alias.test", login, "prvs="},
		{"of this host's own programs", "root@a.test", local, "prvs="},
		{"an account's that an alias sends on", "alice@a.test", forwarded, "prvs="},
		{"a report", "", local, ""},
		{"of one whom login lets send as somebody elsewhere", "alice@far.test", login, ""},
		{"with an address that is too long", strings.Repeat("a", 49) + "@a.test", login, ""},
		{"of a stranger who says he is one of ours", "alice@a.test", mail.Origin{Forwarder: forwarded.Forwarder}, ""},
		{"by LMTP", "alice@a.test", mail.Origin{Protocol: "LMTP", Forwarder: forwarded.Forwarder}, ""},
		{"of a stranger that an alias sends on", "s@far.test", mail.Origin{Forwarder: forwarded.Forwarder}, "SRS0="},
	} {
		from, err := mail.ParsePath(c.from)
		if err != nil {
			t.Fatal(err)
		}
		p, err := m.Outward(t.Context(), &mail.Mail{Envelope: mail.Envelope{From: from}, Origin: c.origin})
		if err != nil {
			t.Fatal(err)
		}
		if (p != nil) != (c.want != "") || p != nil && !strings.HasPrefix(p.Local, c.want) {
			t.Errorf("mail %s leaves from %v", c.what, p)
		}
		if p == nil || c.want != "prvs=" {
			continue
		}
		if plain, tagged, err := m.Untag(t.Context(), mail.Path{}, *p); plain != from || !tagged || err != nil {
			t.Errorf("mail %s: a bounce comes back to %s, %t, %v", c.what, plain, tagged, err)
		}
	}
	m.cfg.BATV = false
	if p, err := m.Outward(t.Context(), &mail.Mail{Envelope: mail.Envelope{From: mail.Path{Local: "alice", Domain: "a.test"}}, Origin: login}); p != nil || err != nil {
		t.Errorf("switched off: %v %v", p, err)
	}
}

// What comes to a tagged address is for the plain one: aliases, detail, quota and
// all. A bounce to a tag that is not good is refused.
func TestMailComesBackToTags(t *testing.T) {
	f := newFake()
	m := f.mda("mail.a.test") // switched off: what was given out before counts
	tagged := func(from string, age time.Duration) string {
		p, err := mail.ParsePath(from)
		if err != nil {
			t.Fatal(err)
		}
		if p, err = m.tagger(t.Context()).Tag(p, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
		return p.String()
	}
	const day = 24 * time.Hour
	good, old := tagged("alice@a.test", 7*day), tagged("alice@a.test", 20*day)
	forged := strings.Replace(good, "=alice", "=bob", 1)
	r, err := m.rewriter(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	path, _ := mail.ParsePath(good)
	twice, _ := r.Forward(path, "a.test", time.Now())
	for _, c := range []struct {
		address, from, want string
		refused             error
	}{
		{address: good, want: "alice"},
		{address: strings.ToUpper(good), want: "alice"},
		{address: good, from: "friend@far.test", want: "alice"},
		{address: old, from: "friend@far.test", want: "alice"},
		{address: forged, from: "friend@far.test", want: "bob"},
		{address: old, refused: mail.BadReturnPath},
		{address: forged, refused: mail.BadReturnPath},
		{address: tagged("alice+x@a.test", 0), want: "alice"},
		{address: tagged("team@a.test", 0), want: "alice bob"},
		{address: tagged("alice@alias.test", 0), want: "alice"},
		{address: tagged("gone@a.test", 0), refused: mail.NoSuchMailbox},
		{address: tagged("full@a.test", 0), refused: mail.MailboxFull},
		{address: tagged("out@a.test", 0), want: "one@far.test two@far.test"},
		{address: twice.String(), want: "alice"}, // sent through an alias of ours by one who rewrites nothing
		{address: tagged("alice@far.test", 0), refused: mail.RelayDenied},
		{address: "prvs=alice@a.test", refused: mail.NoSuchMailbox},
	} {
		p := to(t, c.address)[0]
		from, err := mail.ParsePath(c.from)
		if err != nil {
			t.Fatal(err)
		}
		release, err := m.Verify(t.Context(), from, p, 0)
		if !errors.Is(err, c.refused) || err != nil && c.refused == nil {
			t.Errorf("Verify %s: %v", c.address, err)
		}
		if err != nil {
			continue
		}
		release()
		msg := &mail.Mail{Envelope: mail.Envelope{From: from}, Content: mail.Bytes("\r\n")}
		placed := m.Place(t.Context(), msg, []mail.Recipient{p})[0]
		if got := f.shown(placed); got != c.want {
			t.Errorf("%s from %s: %q %v", c.address, c.from, got, placed.Status)
		}
		for _, next := range placed.Onward {
			if next.Origin.Forwarder.String() != "out@a.test" || !strings.HasPrefix(string(next.Head), "Delivered-To: out@a.test\r\n") {
				t.Errorf("%s goes on as %+v", c.address, next)
			}
		}
	}
	f.err = errors.New("the disk is on fire")
	if _, _, err := f.mda("").Untag(t.Context(), mail.Path{}, path); !errors.Is(err, f.err) {
		t.Errorf("a store that fails: %v", err)
	}
}
