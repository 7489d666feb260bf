// Package interop runs the real program against programs that nobody here
// wrote. install.sh installs them; what is missing is skipped, and with
// CI=true missing is failing.
package interop

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"posthorn/interop/peer"
)

func TestMain(m *testing.M) {
	code := m.Run()
	peer.RemoveBuilds()
	os.Exit(code)
}

const (
	testDomain   = "example.test"
	testPassword = "a long test password"
)

// need skips a test whose programs are not installed.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			leaveOut(t, "%s is not installed (interop/install.sh)", p)
		}
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		leaveOut(t, "Postfix starts for root only")
	}
}

func leaveOut(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// serve starts a Posthorn with users alice, bob and carol, and holds at the
// end that it stops by itself and that its store is clean.
func serve(t *testing.T, p peer.Posthorn) *peer.Process {
	t.Helper()
	if p.Domain == "" {
		p.Domain = testDomain
	}
	if p.Users == nil {
		p.Users = []string{"alice", "bob", "carol"}
	}
	if p.Dir == "" {
		p.Dir = t.TempDir()
	}
	p.Hostname, p.Password = "mail."+p.Domain, testPassword
	pr, err := p.StartProcess()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopClean(t, pr) })
	return pr
}

func stopClean(t *testing.T, pr *peer.Process) {
	t.Helper()
	pr.Signal(syscall.SIGTERM)
	if code := pr.ExitCode(); code != 0 {
		t.Errorf("the server ended with %d", code)
	}
	if out, err := pr.Verb("", "check"); err != nil {
		t.Errorf("check: %v: %s", err, out)
	}
	said, _ := os.ReadFile(pr.LogFile())
	if bytes.Contains(said, []byte("DATA RACE")) || bytes.Contains(said, []byte("panic")) || t.Failed() {
		t.Logf("the server's log:\n%s", tail(said, 8<<10))
	}
	if bytes.Contains(said, []byte("panic")) {
		t.Error("the server's log tells of a panic")
	}
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// program runs one with a deadline and gives what it printed on both streams.
func program(t *testing.T, stdin, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.Env = append(os.Environ(), "HOME="+home(t), "LC_ALL=C.UTF-8")
	c.Stdin = strings.NewReader(stdin)
	out, err := c.CombinedOutput()
	return string(out), err
}

// mustRun is program that must end well.
func mustRun(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	out, err := program(t, stdin, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// home is an empty home folder, so that no program reads its user's settings.
func home(t *testing.T) string {
	dir := filepath.Join(os.TempDir(), "posthorn-home-"+strings.ReplaceAll(t.Name(), "/", "-"))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// file writes a file of the test.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func split(t *testing.T, addr string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// python runs a script of testdata; its arguments come by the environment of
// the server.
func python(t *testing.T, pr *peer.Server, script string, args ...string) string {
	t.Helper()
	return mustRun(t, "", "python3", append([]string{"-B", filepath.Join("testdata", script),
		pr.SMTP, pr.Submission, pr.IMAP, pr.IMAPS, pr.POP3, pr.POP3S, pr.CA, pr.Password}, args...)...)
}

// inbox gives the raw messages of a user's INBOX.
func inbox(t *testing.T, s *peer.Server, user string) []string { return mailbox(t, s, user, "INBOX") }

// mailbox reads a mailbox by Python's imaplib, since no server should be
// asked by its own author's client.
func mailbox(t *testing.T, s *peer.Server, user, name string) []string {
	t.Helper()
	out := python(t, s, "fetch.py", user, name)
	var all []string
	for _, m := range strings.Split(out, "\x00") {
		if m != "" {
			all = append(all, m)
		}
	}
	return all
}

// eventually polls, for what other programs do in their own time.
func eventually(t *testing.T, what string, limit time.Duration, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", limit, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// swaksArgs are the arguments every swaks call here needs.
func swaksArgs(server, to string, more ...string) []string {
	return append([]string{"--server", server, "--to", to, "--from", "stranger@elsewhere.test", "--helo", "client.elsewhere.test"}, more...)
}

func contains(t *testing.T, out string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("%q is missing in:\n%s", w, out)
		}
	}
}

// exitCode of a program's error.
func exitCode(err error) int {
	if e, ok := err.(*exec.ExitError); ok {
		return e.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

func address(user string) string { return fmt.Sprintf("%s@%s", user, testDomain) }
