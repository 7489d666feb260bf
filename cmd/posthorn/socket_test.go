package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Who may not use the socket is told so in words, and sendmail's exit code
// says it too. Root may use everything, so root's test asks as somebody else.
func TestOthersMayNotAsk(t *testing.T) {
	dir, err := os.MkdirTemp("", "posthorn-socket-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("unix", filepath.Join(dir, socketName))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := os.Chmod(filepath.Join(dir, socketName), 0); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "posthorn.toml")
	if err := os.WriteFile(file, []byte("hostname = 'a.b'\ndata_dir = '.'\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	program := os.Args[0]
	var who *syscall.SysProcAttr
	if os.Geteuid() == 0 {
		who = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		program = filepath.Join(dir, "posthorn") // go test builds where only root may look
		if err := copyFile(os.Args[0], program); err != nil {
			t.Fatal(err)
		}
	}
	for args, exit := range map[string]int{"user list": exitFailed, "sendmail you@a.b": exNoPerm} {
		c := exec.Command(program, append([]string{"--config", file}, strings.Fields(args)...)...)
		c.Env = append(os.Environ(), "POSTHORN_TEST_RUN=1")
		c.Dir, c.SysProcAttr = dir, who
		out, err := c.CombinedOutput()
		want := "posthorn: only root and the owner of the data folder may ask the server at " + filepath.Join(dir, socketName) + ": permission denied\n"
		if string(out) != want || c.ProcessState.ExitCode() != exit {
			t.Errorf("%s: %v, %s\nwant exit %d, %s", args, err, out, exit, want)
		}
	}
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	return errors.Join(err, os.WriteFile(to, text, 0o755))
}

// What is not a matter of rights keeps its kind.
func TestNobodyAnswers(t *testing.T) {
	err := askServer(t.Context(), filepath.Join(t.TempDir(), "none"), "user/list", none{}, nil)
	if !errors.Is(err, errNoServer) || errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
}
