package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"

	"posthorn/relay"
)

// TestMain lets a test start this program itself as a child.
func TestMain(m *testing.M) {
	if os.Getenv("POSTHORN_TEST_RUN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// testConfig is a complete server on free loopback ports in a folder of the
// test's own, with mail for other hosts in the folder outgoing. It returns the
// config file.
func testConfig(t *testing.T, edit func(*Config)) (file string) {
	t.Helper()
	dir := t.TempDir()
	cfg := DefaultConfig()
	cfg.Hostname = "mail.example.test"
	cfg.DataDir = "data"
	cfg.DNS.Resolver = "none"
	for _, p := range trialPorts() {
		*p.field(&cfg) = "127.0.0.1:0"
	}
	cfg.Route = []relay.Route{{Domain: "*", Via: "file:outgoing"}}
	if edit != nil {
		edit(&cfg)
	}
	text, err := toml.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "posthorn.toml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// server is a whole one, running in this process.
type server struct {
	file string
	addr map[string]string // by service
	stop func() error      // as SIGTERM does; waits for the end
	log  *logBuffer
}

// startServer runs what `serve` runs. At the test's end it is stopped and its
// folder must pass `check`.
func startServer(t *testing.T, edit func(*Config)) *server {
	t.Helper()
	s := &server{file: testConfig(t, edit), addr: map[string]string{}, log: &logBuffer{}}
	s.start(t)
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
		if out := s.verb(t, exitDone, "", "check"); out != "everything is in order\n" {
			t.Errorf("check: %s", out)
		}
		if t.Failed() {
			t.Log(s.log)
		}
	})
	return s
}

func (s *server) start(t *testing.T) {
	t.Helper()
	cfg, err := (&cli{config: s.file}).loadConfig()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h, err := build(t.Context(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.loadCertificates(); err != nil {
		t.Fatal(err)
	}
	ls, err := h.listen()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range ls {
		s.addr[l.service.name] = l.Addr().String()
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { // ends by stop
		err := h.run(ctx, ls, func(ctx context.Context) { h.tend(ctx, nil, nil) })
		if e := h.close(); err == nil {
			err = e
		}
		ended <- err
	}()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
}

// verb runs a command line with this server's config and gives what it
// printed.
func (s *server) verb(t *testing.T, exit int, stdin string, args ...string) string {
	t.Helper()
	out, errs, code := command(t, stdin, append([]string{"--config", s.file}, args...)...)
	if code != exit {
		t.Fatalf("posthorn %s: exit %d, want %d\n%s%s", strings.Join(args, " "), code, exit, out, errs)
	}
	return out + errs
}

// decode runs a verb with --json.
func (s *server) decode(t *testing.T, v any, args ...string) {
	t.Helper()
	out := s.verb(t, exitDone, "", append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		t.Fatalf("posthorn %s: %v in %s", strings.Join(args, " "), err, out)
	}
}

func command(t *testing.T, stdin string, args ...string) (out, errs string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(context.WithoutCancel(t.Context()), args, strings.NewReader(stdin), &o, &e)
	return o.String(), e.String(), code
}

// dial connects to a service.
func (s *server) dial(t *testing.T, name string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.addr[name])
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// logBuffer keeps a log that many goroutines write.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// What lies in the store's tmp is the store's: its filing is at work there as soon
// as it is open. What a crash has left of content being received goes.
func TestStartLeavesTheStoresFilesAlone(t *testing.T) {
	files := map[string]bool{"tmp/foreign": true, "incoming/left": false}
	data := ""
	startServer(t, func(c *Config) {
		data = filepath.Join(t.TempDir(), "data")
		c.DataDir = data
		for name := range files {
			file := filepath.Join(c.DataDir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
	})
	for name, stays := range files {
		if _, err := os.Stat(filepath.Join(data, name)); (err == nil) != stays {
			t.Errorf("%s: %v, it stays: %v", name, err, stays)
		}
	}
}
