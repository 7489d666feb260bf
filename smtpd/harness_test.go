package smtpd

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"posthorn/internal/script"
	"posthorn/internal/serve"
	"posthorn/mail"
	"posthorn/store"
)

// TestTranscripts plays testdata/*.txtar, each named after the situation it
// shows. The fixture "server" configures it (see bench.configure), the fixture
// "queue" is what must have been accepted when the dialogue is over, "refused"
// what must be on record as not taken.
func TestTranscripts(t *testing.T) {
	script.Run(t, "testdata/*.txtar", func(t *testing.T, fixtures []txtar.File) script.Dial {
		b := newBench(MX)
		want, compare := "", false
		var refused []string
		for _, f := range fixtures {
			switch f.Name {
			case "server":
				b.configure(t, string(f.Data))
			case "queue":
				want, compare = string(f.Data), true
			case "refused":
				refused = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
			}
		}
		dial := b.start(t)
		t.Cleanup(func() {
			b.stop()
			if got := b.queue.String(); compare && got != want {
				t.Errorf("the queue has\n%s\nand should have\n%s", got, want)
			}
			if refused != nil && !slices.Equal(b.queue.refused, refused) {
				t.Errorf("on record is\n%q\nand should be\n%q", b.queue.refused, refused)
			}
		})
		return dial
	})
}

// bench is a server with everything around it.
type bench struct {
	role     Role
	cfg      Config
	deps     Deps
	implicit bool
	change   []func(*Server)
	queue    *testQueue
	rooms    *testRecipients
	allowed  *atMost // nil: not asked
	log      *syncBuffer
	errors   int // Error lines the log should have
	addr     string
	stop     func()
}

func newBench(role Role) *bench {
	b := &bench{role: role, cfg: DefaultConfig(), queue: &testQueue{}, rooms: &testRecipients{}, log: &syncBuffer{}, stop: func() {}}
	if role == Submission {
		b.cfg = DefaultSubmissionConfig()
	}
	b.deps = Deps{
		Hostname:   "mx.example.org",
		TLS:        testTLS(),
		Spools:     serve.Spools{Memory: serve.NewBudget(128 << 20)},
		Queue:      b.queue,
		Recipients: b.rooms,
		Auth:       testAuth{},
		Log:        slog.New(slog.NewTextHandler(b.log, nil)),
	}
	return b
}

// backupOf takes mail for everybody but nobody in a domain.
type backupOf string

func (b backupOf) Verify(_ context.Context, r mail.Recipient, _ int64) error {
	switch {
	case r.Path.Domain != string(b):
		return mail.RelayDenied.With(r.Path.Domain)
	case r.Path.Local == "nobody":
		return mail.PrimaryRefuses.With(r.Path.Domain, "550 5.1.1 Who?")
	case r.Path.Local == "anybody":
		return mail.CannotVerifyNow.With(r.Path.Domain)
	}
	return nil
}

// configure reads one setting a line.
func (b *bench) configure(t testing.TB, settings string) {
	for line := range strings.Lines(settings) {
		word, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "submission":
			*b = *newBench(Submission)
		case "lmtp":
			b.role, b.cfg, b.deps.TLS = LMTP, DefaultLMTPConfig().Config(), nil
		case "implicit":
			b.implicit = true
		case "allow": // so many recipients
			n := 0
			fmt.Sscan(arg, &n)
			b.allowed = &atMost{most: n}
			b.deps.Allowance = b.allowed
		case "backup": // of that domain
			b.deps.Onward = backupOf(arg)
		case "no-tls":
			b.deps.TLS = nil
		case "space":
			var left serve.Size
			if err := left.UnmarshalText([]byte(arg)); err != nil {
				t.Fatal(err)
			}
			b.deps.Space = func(need int64) error {
				if need > int64(left) {
					return fmt.Errorf("%w: %s left", store.ErrNoSpace, left)
				}
				return nil
			}
		case "connections":
			n := 0
			fmt.Sscan(arg, &n)
			b.deps.Limiter = serve.NewLimiter(serve.Limits{Connections: n}, slog.New(slog.DiscardHandler))
		case "errors":
			fmt.Sscan(arg, &b.errors)
		case "size":
			var z serve.Size
			if err := z.UnmarshalText([]byte(arg)); err != nil {
				t.Fatal(err)
			}
			b.cfg.MaxSize = z
		case "recipients":
			fmt.Sscan(arg, &b.cfg.MaxRecipients)
		case "idle", "pause", "delay":
			d, err := time.ParseDuration(arg)
			if err != nil {
				t.Fatal(err)
			}
			switch word {
			case "idle":
				b.cfg.IdleTimeout = serve.Duration(d)
			case "pause":
				b.cfg.GreetPause = serve.Duration(d)
			case "delay":
				b.change = append(b.change, func(s *Server) { s.limits.Delay = d })
			}
		default:
			t.Fatalf("setting %q is not known", line)
		}
	}
}

// start serves on a loopback port until the test ends or stop is called.
func (b *bench) start(t testing.TB) script.Dial {
	t.Helper()
	if b.deps.Spools.Dir == "" {
		b.deps.Spools.Dir = t.TempDir()
	}
	s := New(b.role, b.cfg, b.deps)
	for _, change := range b.change {
		change(s)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln, b.implicit) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if s := b.log.String(); strings.Count(s, "level=ERROR") != b.errors {
			t.Errorf("the log should have %d errors:\n%s", b.errors, s)
		}
		if n := b.rooms.kept(); n != 0 {
			t.Errorf("%d reservations were not released", n)
		}
		if b.allowed != nil && b.allowed.kept() != 0 {
			t.Errorf("%d recipients still count as being sent to", b.allowed.kept())
		}
		if left := b.deps.Spools.Memory.Left(); left != 128<<20 {
			t.Errorf("%d octets of the budget were not given back", 128<<20-left)
		}
	})
	t.Cleanup(b.stop)
	return func(string) net.Conn {
		c, err := net.Dial("tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		if b.implicit {
			return tls.Client(c, &tls.Config{InsecureSkipVerify: true})
		}
		return c
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

var testTLS = sync.OnceValue(func() *tls.Config {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	crt := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"mx.example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, crt, crt, &k.PublicKey, k)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: k}}}
})
