package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo terminal with this program on it.
type terminal struct {
	*exec.Cmd
	screen *bufio.Reader
	person *os.File // what is typed and seen
	tty    *os.File
}

func startOnTerminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	fd := int(person.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), "POSTHORN_TEST_RUN=1")
	c.Stdin, c.Stdout, c.Stderr = tty, tty, tty
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill() })
	return &terminal{c, bufio.NewReader(person), person, tty}
}

// see reads what is shown until it ends with text.
func (p *terminal) see(t *testing.T, text string) {
	t.Helper()
	var seen strings.Builder
	for !strings.HasSuffix(seen.String(), text) {
		r, _, err := p.screen.ReadRune()
		if err != nil {
			t.Fatalf("%v after %q", err, seen.String())
		}
		seen.WriteRune(r)
	}
}

// waitFor is see, and waits until the program has hidden what is typed: only
// then it reads.
func (p *terminal) waitFor(t *testing.T, text string) {
	t.Helper()
	p.see(t, text)
	for deadline := time.Now().Add(10 * time.Second); p.echoes(t); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what is typed would be seen")
		}
	}
}

// echoes tells whether what is typed is shown.
func (p *terminal) echoes(t *testing.T) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(p.tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// end waits for the program and gives its exit code.
func (p *terminal) end(t *testing.T) int {
	t.Helper()
	kill := time.AfterFunc(30*time.Second, func() { p.Process.Kill() })
	defer kill.Stop()
	p.Wait() // its error is the exit code
	return p.ProcessState.ExitCode()
}

func TestPasswordIsAskedForTwice(t *testing.T) {
	s := &server{file: testConfig(t, nil)}
	s.verb(t, exitDone, "", "domain", "add", "example.test", "--admin", "you@example.test")
	for again, want := range map[string]int{"other": exitUsage, "secret": exitDone} {
		p := startOnTerminal(t, "--config", s.file, "user", "add", "you@example.test")
		p.waitFor(t, "Password for you@example.test: ")
		fmt.Fprintln(p.person, "secret")
		p.waitFor(t, "The same again: ")
		fmt.Fprintln(p.person, again)
		if code := p.end(t); code != want {
			t.Errorf("secret and %s: exit %d, want %d", again, code, want)
		}
	}
}

// Ctrl-C at the prompt ends the program, and the terminal shows again what is
// typed.
func TestInterruptAtThePrompt(t *testing.T) {
	p := startOnTerminal(t, "--config", testConfig(t, nil), "user", "passwd", "you@example.test")
	p.waitFor(t, "Password for you@example.test: ")
	fmt.Fprint(p.person, "\x03")
	if code := p.end(t); code != exitFailed {
		t.Errorf("exit %d, want %d", code, exitFailed)
	}
	if !p.echoes(t) {
		t.Error("the terminal hides what is typed")
	}
}
