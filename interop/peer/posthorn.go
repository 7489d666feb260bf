package peer

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Posthorn describes a Posthorn built from this tree, run as its own process
// with a config file of its own.
type Posthorn struct {
	Dir       string
	Hostname  string
	Domain    string
	Users     []string // local parts
	Password  string
	SMTP      string   // where the MX port listens; a free port of 127.0.0.1 when empty
	Config    string   // TOML tables put behind the listeners
	Plaintext bool     // IMAP takes a login without TLS, as Debian's does from this machine
	Tags      string   // build tags
	Race      bool     // build with the race detector
	Binary    string   // to run instead of building one
	Wrap      []string // a command that the server is started through; it must become the server
}

// Process is a Posthorn that can be killed and started again on its data.
type Process struct {
	*Server
	Config string // file
	binary string
	wrap   []string
	cmd    *exec.Cmd
	log    *os.File
	ended  chan struct{}
}

// Start builds, makes domain and users, and serves.
func (p Posthorn) Start() (*Server, error) {
	pr, err := p.StartProcess()
	if err != nil {
		return nil, err
	}
	return pr.Server, nil
}

// StartProcess is Start for those who restart it.
func (p Posthorn) StartProcess() (*Process, error) {
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		return nil, err
	}
	binary, err := p.Binary, error(nil)
	if binary == "" {
		binary, err = Build(p.Tags, p.Race)
	}
	if err != nil {
		return nil, err
	}
	a, err := addresses(7)
	if err != nil {
		return nil, err
	}
	if p.SMTP != "" {
		a[0] = p.SMTP
	}
	pr := &Process{binary: binary, wrap: p.Wrap, Config: filepath.Join(p.Dir, "posthorn.toml"),
		Server: &Server{Name: "posthorn", Dir: p.Dir, Domain: p.Domain, Password: p.Password,
			SMTP: a[0], Submission: a[1], Submissions: a[2], IMAP: a[3], IMAPS: a[4], POP3: a[5], POP3S: a[6], CA: filepath.Join(p.Dir, "data", "tls", "ca.pem")}}
	plaintext := ""
	if p.Plaintext {
		plaintext = "plaintext_from = [\"127.0.0.1/32\"]\n"
	}
	config := fmt.Sprintf("hostname = %q\ndata_dir = %q\n[smtp]\nlisten = %q\n[submission]\nlisten = %q\nlisten_tls = %q\n[imap]\nlisten = %q\nlisten_tls = %q\n%s[pop3]\nlisten = %q\nlisten_tls = %q\n%s",
		p.Hostname, filepath.Join(p.Dir, "data"), a[0], a[1], a[2], a[3], a[4], plaintext, a[5], a[6], p.Config)
	if !strings.Contains(p.Config, "[dns]") {
		config += "\n[dns]\nresolver = \"none\"\n" // nobody out there is asked
	}
	if err := os.WriteFile(pr.Config, []byte(config), 0o600); err != nil {
		return nil, err
	}
	for _, u := range p.Users {
		pr.Users = append(pr.Users, u+"@"+p.Domain)
	}
	if _, err := os.Stat(filepath.Join(p.Dir, "data", "posthorn.db")); err != nil { // else it is one that was left from before
		if err := pr.found(p.Password); err != nil {
			return nil, err
		}
	}
	pr.Roots = func() []int { return []int{pr.cmd.Process.Pid} }
	pr.Stop = func() { pr.Signal(syscall.SIGTERM) }
	pr.Import = pr.importMail
	pr.Restart = func() error {
		pr.Signal(syscall.SIGTERM)
		return pr.Serve()
	}
	pr.Kill = func() { pr.Signal(syscall.SIGKILL) }
	pr.Begin = pr.Launch
	pr.Drop = func() error {
		_, err := pr.Verb("", "queue", "drop", "--all", "--yes")
		return err
	}
	pr.List = func() (string, error) { return pr.Verb("", "queue", "list") }
	return pr, pr.Serve()
}

// found makes the domain and the users.
func (p *Process) found(password string) error {
	if _, err := p.Verb("", "domain", "add", p.Domain, "--admin", p.Users[0]); err != nil {
		return err
	}
	for _, u := range p.Users {
		if _, err := p.Verb(password+"\n", "user", "add", u, "--password-stdin"); err != nil {
			return err
		}
	}
	return nil
}

// Verb runs one of posthorn's verbs on this one's data and gives what it
// printed.
func (p *Process) Verb(stdin string, args ...string) (string, error) {
	c := exec.Command(p.binary, append([]string{"--config", p.Config}, args...)...)
	c.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		return out.String(), fmt.Errorf("posthorn %s: %w: %s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String(), nil
}

// Serve starts the server and waits until it listens.
func (p *Process) Serve() error {
	if err := p.Launch(); err != nil {
		return err
	}
	if err := WaitListening(30*time.Second, p.SMTP, p.Submission, p.IMAP, p.IMAPS, p.POP3, p.POP3S); err != nil {
		p.Signal(syscall.SIGKILL)
		said, _ := os.ReadFile(p.LogFile())
		return fmt.Errorf("%w; it said:\n%s", err, said)
	}
	return nil
}

// Launch is Serve that does not wait. The server's log is appended to the file log
// in its folder.
func (p *Process) Launch() error {
	log, err := os.OpenFile(p.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	argv := append(slices.Clone(p.wrap), p.binary, "--config", p.Config, "serve")
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		log.Close()
		return err
	}
	ended := make(chan struct{})
	p.ended = ended
	go func(c *exec.Cmd) {
		c.Wait()
		log.Close()
		close(ended)
	}(p.cmd)
	return nil
}

// LogFile is where the server's log goes.
func (p *Process) LogFile() string { return filepath.Join(p.Dir, "log") }

// Signal sends one to the server and waits until it has ended.
func (p *Process) Signal(sig syscall.Signal) {
	p.cmd.Process.Signal(sig)
	<-p.ended
}

// Pid is the server's process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// ExitCode is the server's, once it has ended.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

var builds struct {
	sync.Mutex
	done map[string]string
}

// Build builds the program once for each set of tags and gives its path. The
// folder is the machine's temporary one, by the process that builds.
func Build(tags string, race bool) (string, error) {
	builds.Lock()
	defer builds.Unlock()
	key := fmt.Sprint(tags, race)
	if b := builds.done[key]; b != "" {
		return b, nil
	}
	dir, err := os.MkdirTemp("", "posthorn-build")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "posthorn")
	args := []string{"build", "-o", bin, "-tags", tags}
	if race {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, "posthorn/cmd/posthorn")...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build posthorn: %w: %s", err, out)
	}
	if builds.done == nil {
		builds.done = map[string]string{}
	}
	builds.done[key] = bin
	return bin, nil
}

// RemoveBuilds removes what Build made; for the end of a program or TestMain.
func RemoveBuilds() {
	builds.Lock()
	defer builds.Unlock()
	for key, bin := range builds.done {
		os.RemoveAll(filepath.Dir(bin))
		delete(builds.done, key)
	}
}
