package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// child is this program as a process of its own.
type child struct {
	*exec.Cmd
	out  *bufio.Reader
	errs *logBuffer
}

func startChild(t *testing.T, args ...string) *child {
	t.Helper()
	c := &child{Cmd: exec.Command(os.Args[0], args...), errs: &logBuffer{}}
	c.Env = append(os.Environ(), "POSTHORN_TEST_RUN=1")
	c.Stderr = c.errs
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		if t.Failed() {
			t.Log(c.errs)
		}
	})
	return c
}

// waitLog waits until the log has a match, and gives its first group.
func (c *child) waitLog(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if m := re.FindStringSubmatch(c.errs.String()); m != nil {
			return m[len(m)-1]
		}
	}
	t.Fatalf("the log never had %s:\n%s", pattern, c.errs)
	return ""
}

// end waits for the process and gives its exit code.
func (c *child) end(t *testing.T) int {
	t.Helper()
	kill := time.AfterFunc(90*time.Second, func() { c.Process.Kill() })
	defer kill.Stop()
	io.Copy(io.Discard, c.out)
	c.Wait() // its error is the exit code
	return c.ProcessState.ExitCode()
}

// SIGTERM: a transaction that runs is finished and kept, idle clients are told
// 421 and BYE, and the process exits with 0.
func TestTerminateDrains(t *testing.T) {
	s := &server{file: testConfig(t, nil), addr: map[string]string{}}
	s.verb(t, exitDone, "", "domain", "add", "example.test", "--admin", "you@example.test")
	s.verb(t, exitDone, "secret\n", "user", "add", "you@example.test", "--password-stdin")
	c := startChild(t, "serve", "--config", s.file)
	s.addr["smtp"] = c.waitLog(t, `service=smtp address=(\S+)`)
	s.addr["imap"] = c.waitLog(t, `service=imap address=(\S+)`)
	c.waitLog(t, `service=administrator`)

	idle := textproto.NewConn(s.dial(t, "smtp"))
	expect(t, idle, "220 ")
	imap := textproto.NewConn(s.dial(t, "imap"))
	expect(t, imap, "* OK")
	busy := textproto.NewConn(s.dial(t, "smtp"))
	expect(t, busy, "220 ")
	for _, command := range []string{"HELO x", "MAIL FROM:<a@b.example>", "RCPT TO:<you@example.test>"} {
		busy.PrintfLine("%s", command)
		expect(t, busy, "250 ")
	}
	busy.PrintfLine("DATA")
	expect(t, busy, "354 ")

	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	expect(t, idle, "421 4.3.2")
	expect(t, imap, "* BYE")
	busy.PrintfLine("Subject: kept\r\n\r\ntext\r\n.")
	expect(t, busy, "250 2.0.0")
	if code := c.end(t); code != exitDone {
		t.Errorf("exit %d", code)
	}
	var u userFacts
	s.decode(t, &u, "user", "show", "you@example.test")
	if u.Used.Messages != 1 {
		t.Errorf("%d messages are kept, want the one that got 250", u.Used.Messages)
	}
}

func expect(t *testing.T, c *textproto.Conn, prefix string) {
	t.Helper()
	line, err := c.ReadLine()
	if err != nil || !strings.HasPrefix(line, prefix) {
		t.Fatalf("got %q, %v; want %s", line, err, prefix)
	}
}

// A second server on a data folder is refused and names the first.
func TestSecondServeNamesTheHolder(t *testing.T) {
	file := testConfig(t, nil)
	c := startChild(t, "serve", "--config", file)
	c.waitLog(t, `service=administrator`)
	c.waitLog(t, `level=WARN msg="all mail is refused until there is a domain: posthorn domain add`)
	for _, args := range [][]string{{"serve"}, {"reindex"}} {
		_, errs, code := command(t, "", append(args, "--config", file)...)
		if want := fmt.Sprintf("held by process %d", c.Process.Pid); code != exitFailed || !strings.Contains(errs, want) {
			t.Errorf("%v: exit %d, %s; want %q", args, code, errs, want)
		}
	}
	c.Process.Signal(syscall.SIGTERM)
	if code := c.end(t); code != exitDone {
		t.Errorf("exit %d", code)
	}
	c.waitLog(t, `level=INFO msg=stopped`)
}

// SIGHUP takes over what may change, names what may not, and keeps the old
// config when the new one has a mistake.
func TestHangupReloads(t *testing.T) {
	file := testConfig(t, nil)
	c := startChild(t, "serve", "--config", file)
	c.waitLog(t, `service=administrator`)
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ from, to, log string }{
		{"connections = 5000", "connections = 7", `msg="config and certificates are reloaded"`},
		{"hostname = 'mail.example.test'", "hostname = 'other.example.test'", `need a restart" tables=hostname`},
		{"[limits]", "[limmits]", `the old one stays" error=".*limmits`},
		{"certificate = ''\nkey = ''", "certificate = 'c.pem'\nkey = 'k.pem'", `certificate was not reloaded`},
	} {
		changed := strings.Replace(string(old), test.from, test.to, 1)
		if changed == string(old) {
			t.Fatalf("%q is not in the config", test.from)
		}
		if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		c.Process.Signal(syscall.SIGHUP)
		c.waitLog(t, test.log)
	}
}

// A port that somebody else has ends the start with advice, and the data
// folder is free again.
func TestPortTaken(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	file := testConfig(t, func(c *Config) { c.IMAP.Listen = ln.Addr().String() })
	for range 2 {
		_, errs, code := command(t, "", "serve", "--config", file)
		if code != exitFailed || !strings.Contains(errs, "posthorn: imap: listen") || !strings.Contains(errs, "another program has the port") {
			t.Errorf("exit %d, %s", code, errs)
		}
	}
}

func TestLowPortsNeedARight(t *testing.T) {
	err := listenError(service{name: "smtp"}, &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EACCES)})
	if !strings.Contains(err.Error(), "smtp: ") || !strings.Contains(err.Error(), "cap_net_bind_service") {
		t.Errorf("no advice: %v", err)
	}
}

// What root's verbs make in the data folder belongs to the folder's owner.
func TestRootWorksAsTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	const nobody = 65534
	file := testConfig(t, nil)
	dir := filepath.Join(filepath.Dir(file), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{filepath.Dir(filepath.Dir(file)), filepath.Dir(file), dir} {
		if err := os.Chown(d, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	c := startChild(t, "--config", file, "domain", "add", "example.test", "--admin", "you@example.test")
	if code := c.end(t); code != exitDone {
		t.Fatalf("exit %d", code)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for _, e := range entries {
		fi, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if uid := fi.Sys().(*syscall.Stat_t).Uid; uid != nobody {
			t.Errorf("%s belongs to %d", e.Name(), uid)
		}
	}
}

// A database that is lost is rebuilt from the folders.
func TestReindex(t *testing.T) {
	s := &server{file: testConfig(t, nil)}
	s.verb(t, exitDone, "", "domain", "add", "example.test", "--admin", "you@example.test")
	s.verb(t, exitDone, "secret\n", "user", "add", "you@example.test", "--password-stdin")
	s.verb(t, exitDone, "Subject: kept\n\ntext\n", "sendmail", "you")
	path := filepath.Join(filepath.Dir(s.file), "data", "posthorn.db")
	const refused = "has its database, or the log of it: reindex rebuilds one that is lost"
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	// The log stays where a server has stopped; what is said then must lead on.
	if out := s.verb(t, exitFailed, "", "reindex"); !strings.Contains(out, refused) || !strings.Contains(out, "move posthorn.db* away") {
		t.Errorf("beside the log: %s", out)
	}
	left, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	if out := s.verb(t, exitFailed, "", "user", "list"); !strings.Contains(out, "posthorn reindex") {
		t.Errorf("without a database: %s", out)
	}
	s.verb(t, exitDone, "", "reindex")
	if out := s.verb(t, exitFailed, "", "reindex"); !strings.Contains(out, refused) {
		t.Errorf("with a database: %s", out)
	}
	var u userFacts
	s.decode(t, &u, "user", "show", "you@example.test")
	if u.Used.Messages != 1 {
		t.Errorf("%d messages after reindex, want 1", u.Used.Messages)
	}
	if out := s.verb(t, exitDone, "", "check"); out != "everything is in order\n" {
		t.Errorf("check: %s", out)
	}
}
