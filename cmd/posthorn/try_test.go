package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tryArgs is a try on ports that the kernel chooses: the usual ones may be in
// use by other tests.
func tryArgs(more ...string) []string {
	args := append([]string{"try", "--json"}, more...)
	for _, p := range trialPorts() {
		args = append(args, "--"+p.name, "127.0.0.1:0")
	}
	return args
}

// try --json says where everything is; the welcome is there, and a temporary
// folder goes at the end.
func TestTry(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	began := time.Now()
	c := startChild(t, tryArgs("--users", "3", "--password", "secret", "--domain", "demo.test")...)
	var in introduction
	if err := json.NewDecoder(c.out).Decode(&in); err != nil {
		t.Fatal(err)
	}
	t.Logf("listening after %v", time.Since(began))
	if len(in.Accounts) != 3 || in.Accounts[2].Address != "user3@demo.test" || in.Accounts[2].Password != "secret" {
		t.Errorf("accounts: %+v", in.Accounts)
	}
	for _, name := range []string{"smtp", "submission", "submissions", "imap", "imaps", "pop3", "pop3s"} {
		conn, err := net.Dial("tcp", in.Listening[name])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		conn.Close()
	}
	c.waitLog(t, `delivered  <> → user3@demo.test  250 2.1.5`)
	var u userFacts
	(&server{file: in.Config}).decode(t, &u, "user", "show", "user1@demo.test")
	if u.Used.Messages != 1 || u.Limit.Bytes != 1<<30 {
		t.Errorf("user1 has %d messages and a quota of %d octets, want the welcome and 1G", u.Used.Messages, u.Limit.Bytes)
	}
	c.Process.Signal(os.Interrupt)
	if code := c.end(t); code != exitDone {
		t.Errorf("exit %d", code)
	}
	if _, err := os.Stat(in.Dir); !os.IsNotExist(err) {
		t.Errorf("the temporary folder is still there: %v", err)
	}
}

// A folder that is given stays, and the next run goes on with it.
func TestTryAgainInTheSameFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		r, w := io.Pipe()
		ended := make(chan int, 1)
		log := &logBuffer{}
		go func() { // ends by cancel
			ended <- run(ctx, tryArgs("--dir", dir), strings.NewReader(""), w, log)
			w.Close()
		}()
		var in introduction
		if err := json.NewDecoder(r).Decode(&in); err != nil {
			t.Fatalf("%v\n%s", err, log)
		}
		s := &server{file: in.Config}
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			var users []userFacts
			s.decode(t, &users, "user", "list")
			if len(users) == 2 && users[0].Used.Messages == 1 && users[1].Used.Messages == 1 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("want two users with one message each: %+v", users)
			}
		}
		cancel()
		if code := <-ended; code != exitDone {
			t.Fatalf("exit %d\n%s", code, log)
		}
	}
}

func TestFreeAddressPassesOverATakenPort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	port := ln.Addr().(*net.TCPAddr).Port
	got := freeAddress(port)
	if _, p, _ := net.SplitHostPort(got); p == fmt.Sprint(port) || p == "0" {
		t.Errorf("port %d is taken, got %s", port, got)
	}
}

func TestInvokedCanBeTyped(t *testing.T) {
	for program, want := range map[string]string{
		"./posthorn": "./posthorn", "posthorn": "posthorn", "/tmp/go-build123/b001/exe/posthorn": "go run ./cmd/posthorn",
	} {
		if got := invoked(program); got != want {
			t.Errorf("%s: %s, want %s", program, got, want)
		}
	}
}
