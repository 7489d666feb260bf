package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"posthorn/interop/peer"
)

// machine is a running virtual machine with the server in it.
type machine struct {
	disk   *disk
	cmd    *exec.Cmd
	ended  chan struct{}
	serial io.WriteCloser
	ln     net.Listener

	mu   sync.Mutex
	said []string    // guarded by mu: the last lines of the serial line
	word chan string // lines that begin with "::"
}

// boot starts one; checkFirst: the store is checked there before it is served.
func (w *world) boot(checkFirst bool) (*machine, error) {
	d, err := openDisk(filepath.Join(w.dir, "disk.img"), w.lies, w.flush)
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(w.dir, "nbd.sock")
	m := &machine{disk: d, ended: make(chan struct{}), word: make(chan string, 100)}
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a run that was killed
		return nil, err
	}
	if m.ln, err = net.Listen("unix", socket); err != nil {
		return nil, err
	}
	go func() { // ends with its connection, which ends with the machine
		if c, err := m.ln.Accept(); err == nil {
			if err := serveNBD(c, d); err != nil && !d.isCut() {
				m.hears("the disk: " + err.Error())
			}
		}
	}()
	network := "user,id=n"
	for port, addr := range w.ports {
		network += fmt.Sprintf(",hostfwd=tcp:%s-:%d", addr, port)
	}
	line := "console=ttyS0 quiet panic=-1 no_timer_check" // the timer of a machine that waits for its turn passes for broken
	if checkFirst {
		line += " posthorn.check=before"
	}
	m.cmd = exec.Command("qemu-system-x86_64", "-accel", w.accelerator, "-cpu", "max", "-smp", "2", "-m", "768",
		"-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
		"-kernel", filepath.Join(w.dir, "vmlinuz"), "-initrd", filepath.Join(w.dir, "initrd"), "-append", line,
		"-drive", "file=nbd+unix:///?socket="+socket+",format=raw,if=none,id=d,cache=writeback", "-device", "virtio-blk-pci,drive=d",
		"-netdev", network, "-device", "virtio-net-pci,netdev=n")
	if m.serial, err = m.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	m.cmd.Stderr = m.cmd.Stdout
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // ends with the machine
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			m.hears(strings.TrimSpace(lines.Text()))
		}
		m.cmd.Wait()
		close(m.ended)
	}()
	return m, nil
}

func (m *machine) hears(line string) {
	m.mu.Lock()
	m.said = append(m.said, line)
	m.said = m.said[max(0, len(m.said)-200):]
	m.mu.Unlock()
	if strings.HasPrefix(line, "::") {
		select {
		case m.word <- line:
		default: // nobody asks
		}
	}
}

func (m *machine) lastWords() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.said, "\n")
}

// cutOff takes the power: first the disk's, so that nothing more gets there, then
// the machine's.
func (m *machine) cutOff(kept float64) (sectors, lost int, err error) {
	sectors, lost, err = m.disk.powerOff(kept)
	m.cmd.Process.Kill()
	<-m.ended
	m.ln.Close()
	return sectors, lost, err
}

// check runs `posthorn check` in the machine.
func (m *machine) check() error {
	if _, err := io.WriteString(m.serial, "check\n"); err != nil {
		return err
	}
	return m.checked()
}

// mounted waits until the machine comes to its disk.
func (m *machine) mounted() error {
	for end := time.After(5 * time.Minute); ; {
		select {
		case w := <-m.word:
			if w == "::mounting" {
				return nil
			}
		case <-end:
			return fmt.Errorf("no file system was mounted in five minutes:\n%s", m.lastWords())
		}
	}
}

// checked waits for what a check found.
func (m *machine) checked() error {
	for {
		select {
		case w := <-m.word:
			code, ok := strings.CutPrefix(w, "::check ")
			if n, err := strconv.Atoi(code); ok && (err != nil || n != 0) {
				return fmt.Errorf("check ended with %s:\n%s", code, m.lastWords())
			}
			if ok {
				return nil
			}
			if strings.Contains(w, "failed") || strings.Contains(w, "ended") {
				return fmt.Errorf("%s\n%s", w, m.lastWords())
			}
		case <-time.After(5 * time.Minute):
			return fmt.Errorf("no answer in five minutes:\n%s", m.lastWords())
		}
	}
}

// listening waits until the server in the machine answers by all doors: the
// machine's network takes connections before it does.
func (m *machine) listening(s *peer.Server) error {
	end := time.Now().Add(5 * time.Minute)
	for _, addr := range []string{s.SMTP, s.Submission, s.IMAP, s.POP3} {
		for !greets(addr) {
			if time.Now().After(end) {
				return fmt.Errorf("nobody greets at %s:\n%s", addr, m.lastWords())
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return nil
}

func greets(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * time.Second))
	n, _ := c.Read(make([]byte, 1))
	return n == 1
}
