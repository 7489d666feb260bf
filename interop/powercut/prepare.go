package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"posthorn/interop/peer"
	"posthorn/interop/promise"
)

const (
	password = "a long test password"
	domain   = "example.test"
	diskSize = 1 << 30
	hurry    = 5 * time.Minute // without KVM, on a machine that has other work too
)

// prepare makes image and disk, with domain and users on it.
func (w *world) prepare() (err error) {
	if w.sink, err = promise.ListenSink(); err != nil {
		return err
	}
	w.ports = map[int]string{}
	addr := map[int]string{}
	for _, port := range []int{25, 24, 587, 143, 110} {
		free, err := peer.FreePort()
		if err != nil {
			return err
		}
		addr[port] = fmt.Sprintf("127.0.0.1:%d", free)
		w.ports[port] = addr[port]
	}
	_, sinkPort, err := net.SplitHostPort(w.sink.Addr)
	if err != nil {
		return err
	}
	binary := filepath.Join(w.dir, "posthorn")
	build := exec.Command("go", "build", "-o", binary, "posthorn/cmd/posthorn")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build posthorn: %w: %s", err, out)
	}
	// 10.0.2.2 is this machine, seen from there.
	config := fmt.Sprintf("hostname = \"mail.example.test\"\ndata_dir = %%q\n[smtp]\nlisten = \":25\"\n[submission]\nlisten = \":587\"\nlisten_tls = \"\"\n"+
		"[lmtp]\nlisten = \"127.0.0.1:2424\"\n[imap]\nlisten = \":143\"\nlisten_tls = \"\"\n[pop3]\nlisten = \":110\"\nlisten_tls = \"\"\n[dns]\nresolver = \"none\"\n"+
		"[queue]\nfirst_retry = \"200ms\"\nmax_retry = \"1s\"\nsending_hour = 0\nsending_day = 0\n[[route]]\ndomain = %q\nvia = \"10.0.2.2:%s\"\n", promise.Domain, sinkPort)
	if err := os.WriteFile(filepath.Join(w.dir, "posthorn.toml"), fmt.Appendf(nil, config, "/data/posthorn"), 0o600); err != nil {
		return err
	}
	if err := fillDisk(w.dir, binary, config); err != nil {
		return err
	}
	if out, err := exec.Command("sh", "interop/powercut/image.sh", w.dir, binary).CombinedOutput(); err != nil {
		return fmt.Errorf("image.sh: %w: %s", err, out)
	}
	w.at = &peer.Server{Domain: domain, Password: password, SMTP: addr[25], Submission: addr[587], IMAP: addr[143], POP3: addr[110]}
	w.load = promise.New(promise.Target{Server: w.at, LMTP: addr[24], Clients: w.clients, Hurry: hurry}, w.sink)
	return nil
}

// fillDisk makes the disk with what `posthorn domain` and `posthorn user` make.
func fillDisk(dir, binary, config string) error {
	root := filepath.Join(dir, "fs")
	if err := errors.Join(os.RemoveAll(root), os.MkdirAll(root, 0o700)); err != nil {
		return err
	}
	here := filepath.Join(dir, "here.toml")
	if err := os.WriteFile(here, fmt.Appendf(nil, config, filepath.Join(root, "posthorn")), 0o600); err != nil {
		return err
	}
	verb := func(stdin string, args ...string) error {
		c := exec.Command(binary, append([]string{"--config", here}, args...)...)
		c.Stdin = strings.NewReader(stdin)
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("posthorn %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	if err := verb("", "domain", "add", domain, "--admin", promise.Users[0]+"@"+domain); err != nil {
		return err
	}
	for _, u := range promise.Users {
		if err := verb(password+"\n", "user", "add", u+"@"+domain, "--password-stdin"); err != nil {
			return err
		}
	}
	image := filepath.Join(dir, "disk.img")
	f, err := os.Create(image)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(diskSize); err != nil {
		return err
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", "-d", root, image).CombinedOutput(); err != nil {
		return fmt.Errorf("mkfs.ext4: %w: %s", err, out)
	}
	return nil
}
