package imapd

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/tools/txtar"

	"posthorn/auth"
	"posthorn/internal/script"
	"posthorn/internal/serve"
	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/blank"
	"posthorn/store/maildir"
	"posthorn/store/storetest"
)

// world is a server over a real store, with the accounts alice and bob.
type world struct {
	t      testing.TB
	store  *store.Store
	server *Server
	addr   string
	stop   func()
	closed bool // the test has closed the store
	tweaks tweaks

	revoked atomic.Bool // no login counts any more
}

// tweaks are what a transcript may set in its fixture "config".
type tweaks struct {
	AppendLimit int64  `toml:"append_limit"`
	Limit       int    `toml:"message_limit"`
	Connections int    `toml:"connections"`
	Bytes       int64  `toml:"quota_bytes"`
	Messages    int64  `toml:"quota_messages"`
	Admin       string `toml:"admin"` // whose account is an administrator's
	RequireTLS  bool   `toml:"require_tls"`
	Plaintext   string `toml:"plaintext_from"`
	Auth        string `toml:"auth"` // "failing", "throttling": what it answers
}

// spoolMemory is for messages being appended.
const spoolMemory = 1 << 20

func newWorld(t testing.TB, tw tweaks) *world {
	t.Helper()
	dir := t.TempDir()
	blank.Fill(t, dir)
	st, err := store.Open(t.Context(), dir, maildir.New(dir), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: st, tweaks: tw}
	if err := st.AddDomain(t.Context(), store.Domain{Name: "example.test"}); err != nil {
		t.Fatal(err)
	}
	for _, login := range []string{"alice@example.test", "bob@example.test"} {
		if _, err := st.AddAccount(t.Context(), login, "", store.Quota{Bytes: tw.Bytes, Messages: tw.Messages}); err != nil {
			t.Fatal(err)
		}
	}
	if tw.Admin != "" {
		if err := st.SetAdmin(t.Context(), w.account(tw.Admin).ID, true); err != nil {
			t.Fatal(err)
		}
	}
	config := DefaultConfig()
	if tw.AppendLimit > 0 {
		config.AppendLimit = serve.Size(tw.AppendLimit)
	}
	config.MessageLimit = tw.Limit
	if tw.Connections > 0 {
		config.ConnectionsPerAccount = tw.Connections
	}
	if tw.Plaintext != "" {
		config.PlaintextFrom = []netip.Prefix{netip.MustParsePrefix(tw.Plaintext)}
	}
	w.server = New(config, st, w, certificate(t), serve.Spools{Memory: serve.NewBudget(spoolMemory), Dir: dir}, slog.New(slog.NewTextHandler(logWriter{t}, nil)))
	w.listen()
	t.Cleanup(func() {
		w.stop()
		if held := spoolMemory - w.server.spools.Memory.Left(); held != 0 {
			t.Errorf("%d octets of memory were not given back", held)
		}
		if w.closed {
			return
		}
		if t, ok := t.(*testing.T); ok {
			storetest.Clean(t, st)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// logWriter shows warnings of the server in the test's output, and fails it on
// a panic.
type logWriter struct{ t testing.TB }

func (l logWriter) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("panicked")) {
		l.t.Errorf("%s", p)
	}
	return len(p), nil
}

func (w *world) listen() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.server.Serve(ctx, ln, false) }()
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
		w.stop = func() {}
	}
}

func (w *world) dial(string) net.Conn {
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// certificate is one TLS configuration for all tests of the package.
func certificate(t testing.TB) *tls.Config {
	t.Helper()
	cert, key, _, err := serve.SelfSigned(t.TempDir(), []string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	certs := serve.NewCertificates()
	if err := certs.Load(cert, key); err != nil {
		t.Fatal(err)
	}
	return certs.TLSConfig()
}

// world is its own Authenticator: everyone's password is "secret".

func (w *world) Mechanisms(p auth.Peer) []string {
	if w.tweaks.RequireTLS && !p.TLS && !p.Trusted {
		return nil
	}
	return []string{sasl.Plain}
}

func (w *world) Plain(ctx context.Context, _ auth.Peer, login, password string) (auth.Identity, error) {
	switch w.tweaks.Auth {
	case "failing":
		return auth.Identity{}, errors.New("disk on fire")
	case "throttling":
		return auth.Identity{}, auth.ErrThrottled
	}
	if !strings.Contains(login, "@") {
		login += "@example.test"
	}
	a, err := w.store.AccountByLogin(ctx, login)
	if err != nil || password != "secret" {
		return auth.Identity{}, auth.ErrCredentials
	}
	return auth.Identity{Account: a.ID, Login: a.Login}, nil
}

func (w *world) Still(context.Context, *auth.Identity) error {
	if w.revoked.Load() {
		return auth.ErrCredentials
	}
	return nil
}

func (w *world) Server(ctx context.Context, mech string, p auth.Peer, done func(auth.Identity)) (sasl.Server, error) {
	if mech != sasl.Plain {
		return nil, auth.ErrMechanism
	}
	return sasl.NewPlainServer(func(_, login, password string) error {
		id, err := w.Plain(ctx, p, login, password)
		if err == nil {
			done(id)
		}
		return err
	}), nil
}

// account gives the account of a first name.
func (w *world) account(name string) store.Account {
	w.t.Helper()
	a, err := w.store.AccountByLogin(w.t.Context(), name+"@example.test")
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// deliver puts a message into a mailbox, which is made where it is missing.
func (w *world) deliver(name, mailbox string, content []byte) {
	w.t.Helper()
	a := w.account(name)
	m, err := w.store.Mailbox(w.t.Context(), a.ID, mailbox)
	if errors.Is(err, store.ErrNotFound) {
		if _, err := w.store.CreateMailbox(w.t.Context(), a.ID, mailbox, ""); err != nil {
			w.t.Fatal(err)
		}
		m, err = w.store.Mailbox(w.t.Context(), a.ID, mailbox)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	box, err := m.Box(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	blob, err := w.store.Put(w.t.Context(), &mail.Mail{Content: mail.Bytes(content)})
	if err != nil {
		w.t.Fatal(err)
	}
	in := store.Incoming{Blob: blob, Account: a.ID, Mailbox: box.ID, Internal: time.Unix(1700000000, 0).UTC()}
	if _, err := w.store.Commit(w.t.Context(), store.Change{Append: []store.Incoming{in}}); err != nil {
		w.t.Fatal(err)
	}
}

// Transcripts: testdata/*.txtar. A fixture alice/INBOX/1.eml is delivered
// there first, "config" is tweaks.
func TestTranscripts(t *testing.T) {
	script.Run(t, "testdata/*.txtar", func(t *testing.T, fixtures []txtar.File) script.Dial {
		var tw tweaks
		for _, f := range fixtures {
			if f.Name == "config" {
				d := toml.NewDecoder(bytes.NewReader(f.Data)).DisallowUnknownFields()
				if err := d.Decode(&tw); err != nil {
					t.Fatal(err)
				}
			}
		}
		w := newWorld(t, tw)
		for _, f := range fixtures {
			if name, rest, ok := strings.Cut(f.Name, "/"); ok {
				w.deliver(name, filepath.Dir(rest), f.Data)
			}
		}
		return w.dial
	})
}
