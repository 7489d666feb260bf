package auth

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"posthorn/internal/serve"
	"posthorn/store"
)

// newSCRAMFake has SCRAM on, keys for the password of alice, and an app password
// of hers, which is returned.
func newSCRAMFake(t *testing.T) (*Auth, *fake, string) {
	t.Helper()
	a, f, _ := newFake(t)
	a.cfg.SCRAM = true
	alice := f.accounts["alice@a.test"]
	if err := a.Keep(t.Context(), alice, f.hashes[alice.Login], "Grüße alice@a.test"); err != nil {
		t.Fatal(err)
	}
	app, err := a.AddAppPassword(t.Context(), alice, "phone", []string{"imap"}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return a, f, app
}

// talk plays a client's conversation against a server's.
func talk(s interface {
	Next([]byte) ([]byte, bool, error)
}, c *scram.ClientConversation) (done bool, err error) {
	var challenge []byte
	for range 4 {
		said, err := c.Step(string(challenge))
		if err != nil {
			return false, err
		}
		if challenge, done, err = s.Next([]byte(said)); done || err != nil {
			return done, err
		}
	}
	return false, errors.New("it goes on and on")
}

func client(t *testing.T, login, password, authzid string) *scram.Client {
	t.Helper()
	c, err := scram.SHA256.NewClient(login, password, authzid)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The example of RFC 7677 §3.
func TestSCRAMVector(t *testing.T) {
	a, f, _ := newFake(t)
	a.cfg.SCRAM = true
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := newPair("pencil", salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	f.accounts["user"] = store.Account{ID: 9, Login: "user", Enabled: true}
	f.scram["user"] = store.SCRAM{Salt: salt, Iterations: 4096, Keys: pack(keys)}
	var got Identity
	s := newSCRAM(a, t.Context(), home, func(id Identity) { got = id }, false)
	if _, _, err := s.Next([]byte("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")); err != nil {
		t.Fatal(err)
	}
	s.nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0" // the RFC's server's
	if m := s.serverFirst("n=user,r=rOprNGfwEbeRWgbNEkqO"); m != "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096" {
		t.Errorf("server-first-message %s", m)
	}
	final, _, err := s.Next([]byte("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="))
	if string(final) != "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" || err != nil || got.Account != 0 {
		t.Errorf("server-final-message %s, %v, %v", final, got, err)
	}
	if _, done, err := s.Next([]byte{}); !done || err != nil || got.Account != 9 {
		t.Errorf("in the end %v %v %v", done, got, err)
	}
}

func TestSCRAM(t *testing.T) {
	a, f, app := newSCRAMFake(t)
	old, err := a.AddAppPassword(t.Context(), f.accounts["alice@a.test"], "old", nil, time.Now().Add(-time.Second))
	if err != nil {
		t.Fatal(err)
	}
	peer := home
	for _, c := range []struct {
		what, login, password, authzid, protocol string
		app                                      string
		want                                     error
	}{
		{"the password", "alice@a.test", "Grüße alice@a.test", "", "imap", "", nil},
		{"in another case and normal form", "Alice@A.test", "Gru\u0308ße alice@a.test", "", "imap", "", nil},
		{"as oneself", "alice@a.test", "Grüße alice@a.test", "ALICE@a.test", "imap", "", nil},
		{"as another", "alice@a.test", "Grüße alice@a.test", "bob@a.test", "imap", "", ErrCredentials},
		{"an app password", "alice@a.test", app, "", "imap", "phone", nil},
		{"without dashes", "alice@a.test", strings.ReplaceAll(app, "-", ""), "", "imap", "phone", nil},
		{"with spaces", "alice@a.test", strings.ReplaceAll(app, "-", " "), "", "imap", "phone", nil},
		{"for another protocol", "alice@a.test", app, "", "pop3", "", ErrCredentials},
		{"expired", "alice@a.test", old, "", "imap", "", ErrCredentials},
		{"wrong", "alice@a.test", "wrong", "", "imap", "", ErrCredentials},
		{"of an account without keys", "bob@a.test", "Grüße bob@a.test", "", "imap", "", ErrCredentials},
		{"of an account that is switched off", "off@a.test", "Grüße off@a.test", "", "imap", "", ErrCredentials},
		{"of nobody", "eve@a.test", "x", "", "imap", "", ErrCredentials},
		{"of a name with comma and equals sign", "a=b,c@a.test", "x", "", "imap", "", ErrCredentials},
	} {
		t.Run(c.what, func(t *testing.T) {
			peer.Addr, peer.Protocol = peer.Addr.Next(), c.protocol // no attempt has to wait
			var got Identity
			s := newSCRAM(a, t.Context(), peer, func(id Identity) { got = id }, false)
			conv := client(t, c.login, c.password, c.authzid).NewConversation()
			done, err := talk(s, conv)
			if !errors.Is(err, c.want) || (c.want == nil) != (done && got.Account == 1 && conv.Valid()) || got.App != c.app {
				t.Errorf("%+v %v %v", got, done, err)
			}
		})
	}
}

// Each refusal looks at as many keys, whoever is asked for.
func TestSCRAMWork(t *testing.T) {
	a, _, _ := newSCRAMFake(t)
	for _, login := range []string{"alice@a.test", "bob@a.test", "off@a.test", "eve@a.test"} {
		s := newSCRAM(a, t.Context(), home, nil, false)
		if _, _, err := s.Next([]byte("n,,n=" + login + ",r=x")); err != nil {
			t.Fatal(err)
		}
		if pairs, owners, err := s.pairs(); len(pairs) != maxPairs || len(owners) != maxPairs || err != nil {
			t.Errorf("%s: %d pairs, %d owners, %v", login, len(pairs), len(owners), err)
		}
	}
}

// What SCRAM says before the proof tells nobody who has an account, and stays
// the same when an account or its keys are made.
func TestSaltsTellNothing(t *testing.T) {
	a, f, _ := newSCRAMFake(t)
	salt := func(login string) string {
		t.Helper()
		s := newSCRAM(a, t.Context(), home, nil, false)
		first, _, err := s.Next([]byte("n,,n=" + login + ",r=x"))
		if err != nil {
			t.Fatal(err)
		}
		_, salt, _ := strings.Cut(string(first), ",s=")
		return salt
	}
	seen := map[string]bool{}
	for _, login := range []string{"alice@a.test", "bob@a.test", "off@a.test", "eve@a.test", "mallory@b.test", "x"} {
		one := salt(login)
		if again := salt(strings.ToUpper(login[:1]) + login[1:]); login != "x" && again != one {
			t.Errorf("%s: %s, then %s", login, one, again)
		}
		if seen[one] || !strings.HasSuffix(one, "==,i=15000") || len(one) != len(salt("eve@a.test")) {
			t.Errorf("%s: %s", login, one)
		}
		seen[one] = true
	}
	before := salt("eve@a.test")
	eve := store.Account{ID: 7, Login: "eve@a.test", Enabled: true}
	f.accounts[eve.Login] = eve
	if err := a.SetPassword(t.Context(), eve, "new"); err != nil {
		t.Fatal(err)
	}
	if after := salt("eve@a.test"); after != before || len(f.scram[eve.Login].Keys) == 0 {
		t.Errorf("a new account's salt is %s, it was %s", after, before)
	}
	if again, _, _ := newFake(t); again != nil {
		b, err := again.salted(t.Context(), "bob@a.test", store.SCRAM{})
		if c, _ := a.salted(t.Context(), "bob@a.test", store.SCRAM{}); err != nil || string(b.Salt) != string(c.Salt) {
			t.Errorf("after a restart %x, not %x, %v", b.Salt, c.Salt, err)
		}
	}
}

func TestSCRAMPlus(t *testing.T) {
	for version, kinds := range map[uint16][]string{tls.VersionTLS12: {serve.BindEndPoint}, tls.VersionTLS13: {serve.BindEndPoint, serve.BindExporter}} {
		a, _, _ := newSCRAMFake(t)
		peer := home
		var near *tls.Conn
		peer.Channel, near = dial(t, &tls.Config{MaxVersion: version})
		if m := a.Mechanisms(peer); !slices.Equal(m[:2], []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}) {
			t.Fatalf("%v", m)
		}
		state := near.ConnectionState()
		endPoint, err := scram.NewTLSServerEndpointBinding(&state)
		if err != nil {
			t.Fatal(err)
		}
		bindings := map[string]scram.ChannelBinding{serve.BindEndPoint: endPoint}
		if version == tls.VersionTLS13 {
			if bindings[serve.BindExporter], err = scram.NewTLSExporterBinding(&state); err != nil {
				t.Fatal(err)
			}
		}
		login := func(mech string, conv *scram.ClientConversation) error {
			t.Helper()
			peer.Addr = peer.Addr.Next()
			s, err := a.Server(t.Context(), mech, peer, func(Identity) {})
			if err != nil {
				t.Fatal(err)
			}
			_, err = talk(s, conv)
			return err
		}
		c := client(t, "alice@a.test", "Grüße alice@a.test", "")
		for _, kind := range kinds {
			if err := login(plusName, c.NewConversationWithChannelBinding(bindings[kind])); err != nil {
				t.Errorf("%s over %s: %v", kind, tls.VersionName(version), err)
			}
			other := scram.ChannelBinding{Type: bindings[kind].Type, Data: append([]byte{bindings[kind].Data[0] ^ 1}, bindings[kind].Data[1:]...)}
			if err := login(plusName, c.NewConversationWithChannelBinding(other)); !errors.Is(err, ErrCredentials) {
				t.Errorf("%s of another channel: %v", kind, err)
			}
		}
		for _, wrong := range []struct {
			what, mech string
			conv       *scram.ClientConversation
			want       error
		}{
			{"the client was told of no PLUS", scramName, c.NewConversationAdvertisingChannelBinding(), ErrCredentials},
			{"the client knows no PLUS", scramName, c.NewConversation(), nil},
			{"PLUS without a binding", plusName, c.NewConversation(), ErrSyntax},
			{"a binding without PLUS", scramName, c.NewConversationWithChannelBinding(endPoint), ErrSyntax},
			{"a binding that is not there", plusName, c.NewConversationWithChannelBinding(scram.NewTLSUniqueBinding([]byte("x"))), ErrCredentials},
		} {
			if err := login(wrong.mech, wrong.conv); !errors.Is(err, wrong.want) {
				t.Errorf("%s: %v", wrong.what, err)
			}
		}
	}
}

// Where nothing can be bound, "y" is no sign of a downgrade.
func TestNoPlusWithoutAChannel(t *testing.T) {
	a, _, _ := newSCRAMFake(t)
	if m := a.Mechanisms(home); slices.Contains(m, plusName) || !slices.Contains(m, scramName) {
		t.Errorf("%v", m)
	}
	s := newSCRAM(a, t.Context(), home, func(Identity) {}, false)
	c := client(t, "alice@a.test", "Grüße alice@a.test", "")
	if _, err := talk(s, c.NewConversationAdvertisingChannelBinding()); err != nil {
		t.Error(err)
	}
	a.cfg.SCRAM = false
	if m := a.Mechanisms(home); !slices.Equal(m, []string{"PLAIN", "LOGIN"}) {
		t.Errorf("switched off: %v", m)
	}
}

// A proof is good for its exchange alone.
func TestSCRAMReplay(t *testing.T) {
	a, _, _ := newSCRAMFake(t)
	var said []string
	s := newSCRAM(a, t.Context(), home, func(Identity) {}, false)
	conv := client(t, "alice@a.test", "Grüße alice@a.test", "").NewConversation()
	var challenge []byte
	for range 3 {
		m, err := conv.Step(string(challenge))
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, m)
		if challenge, _, err = s.Next([]byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.Next([]byte(said[1])); !errors.Is(err, ErrSyntax) {
		t.Errorf("after the end: %v", err)
	}
	again := newSCRAM(a, t.Context(), home, func(Identity) { t.Error("logged in") }, false)
	if _, _, err := again.Next([]byte(said[0])); err != nil {
		t.Fatal(err)
	}
	if _, _, err := again.Next([]byte(said[1])); !errors.Is(err, ErrSyntax) {
		t.Errorf("the nonce is another: %v", err)
	}
}

func TestSCRAMSyntax(t *testing.T) {
	a, _, _ := newSCRAMFake(t)
	for _, first := range []string{"", "n", "n,", "n,,", "n,,n=a", "n,,r=a,n=b", "x,,n=a,r=b", "p=,,n=a,r=b", "n,b,n=a,r=b", "n,a=,n=a,r=b",
		"n,,m=x,n=a,r=b", "n,,n=,r=b", "n,,n=a=2,r=b", "n,,n=a=2c,r=b", "n,,n=a\x00,r=b", "n,,n=\xff,r=b", "n,,n=a,r=", "n,,n=a,r=a b",
		"n,,n=a,r=\x7f", "n,,n=a,r=" + strings.Repeat("x", maxSCRAM)} {
		s := newSCRAM(a, t.Context(), home, nil, false)
		if _, _, err := s.Next([]byte(first)); !errors.Is(err, ErrSyntax) {
			t.Errorf("%.40q: %v", first, err)
		}
	}
	for _, final := range []string{"", "c=biws,r=N", "c=biws,r=N,p=", "c=biws,r=N,p=x", "c=biws,p=" + strings.Repeat("A", 43) + "=", "r=N,c=biws,p=" + strings.Repeat("A", 43) + "=",
		"c=!,r=N,p=" + strings.Repeat("A", 43) + "=", "c=biws,r=other,p=" + strings.Repeat("A", 43) + "="} {
		s := newSCRAM(a, t.Context(), home, nil, false)
		if _, _, err := s.Next([]byte("n,,n=alice@a.test,r=x")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Next([]byte(strings.Replace(final, "r=N", "r="+s.nonce, 1))); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %v", final, err)
		}
	}
}

func TestSCRAMWithAFailingStore(t *testing.T) {
	a, f, _ := newSCRAMFake(t)
	f.err = store.ErrCorrupt
	s := newSCRAM(a, t.Context(), home, nil, false)
	if _, _, err := s.Next([]byte("n,,n=alice@a.test,r=x")); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("%v", err)
	}
	f.err = nil
	f.scram["alice@a.test"] = store.SCRAM{Salt: []byte("x"), Iterations: 1, Keys: []byte("damaged")}
	s = newSCRAM(a, t.Context(), home, nil, false)
	conv := client(t, "alice@a.test", "x", "").WithMinIterations
	if _, err := talk(s, conv(1).NewConversation()); err == nil || errors.Is(err, ErrCredentials) {
		t.Errorf("damaged keys: %v", err)
	}
}

// Nothing that a client says makes the server panic, or lets it in.
func FuzzSCRAM(f *testing.F) {
	f.Add("n,,n=alice@a.test,r=x", "c=biws,r=x,p=AAAA", "")
	f.Add("p=tls-exporter,a=b,n=a=2Cb,r=x,e=f", "c=biws,r=N,x=y,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "x")
	f.Fuzz(func(t *testing.T, first, final, last string) {
		a, _, _ := newFake(t)
		a.cfg.SCRAM = true
		s := newSCRAM(a, t.Context(), home, func(Identity) { t.Error("logged in") }, false)
		for _, m := range []string{first, strings.Replace(final, "r=N", "r="+s.nonce, 1), last} {
			if challenge, done, err := s.Next([]byte(m)); done || err != nil && len(challenge) > 0 {
				t.Errorf("%q: %q %v %v", m, challenge, done, err)
			}
		}
	})
}
