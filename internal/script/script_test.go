package script

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"posthorn/internal/serve"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, line string
		want          bool
	}{
		{"+OK", "+OK", true},
		{"+OK", "+OK ready", false},
		{"+OK*", "+OK ready", true},
		{"*", "", true},
		{"", "x", false},
		{"a*b*c", "a1b2c", true},
		{"a*b*c", "a1c2b", false},
		{"a*a", "a", false},
		{"[*] 1 FETCH (*FLAGS (\\Seen)*)", "* 1 FETCH (UID 7 FLAGS (\\Seen))", true},
		{"[*] OK", "x OK", false},
	} {
		if got := match(c.pattern, c.line); got != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.line, got)
		}
	}
}

// server says what each line of the client asks it to: "say TEXT" (a Go
// string without its quotes), "tls", "compress",
// "bye".
func server(t *testing.T, ln net.Listener, config *tls.Config) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { c.Close() }()
			r := bufio.NewReader(c)
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				line = strings.TrimSuffix(line, "\r\n")
				switch text, said := strings.CutPrefix(line, "say "); {
				case said:
					fmt.Fprint(c, strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(text))
				case line == "tls":
					fmt.Fprint(c, "go\r\n")
					c = tls.Server(c, config)
					r = bufio.NewReader(c)
				case line == "compress":
					fmt.Fprint(c, "go\r\n")
					z := &conn{Conn: c, r: r}
					if err := z.compress(); err != nil {
						t.Error(err)
					}
					c, r = z.Conn, z.r
				default:
					return
				}
			}
		}()
	}
}

func start(t *testing.T, _ []txtar.File) Dial {
	certFile, keyFile, _, err := serve.SelfSigned(t.TempDir(), []string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go server(t, ln, &tls.Config{Certificates: []tls.Certificate{pair}})
	return func(string) net.Conn {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

func TestRun(t *testing.T) {
	var seen []txtar.File
	Run(t, "testdata/*.txt", func(t *testing.T, f []txtar.File) Dial {
		seen = f
		return start(t, f)
	})
	if len(seen) != 2 || string(seen[0].Data) != "Subject: hi\r\n" || string(seen[1].Data) != "plain\n" {
		t.Errorf("fixtures: %q", seen)
	}
}

// Each of these dialogues must fail: a player that accepts anything proves
// nothing.
func TestStepsFail(t *testing.T) {
	for name, dialogue := range map[string]string{
		"another line":            "C: say one\\r\\n\nS: two",
		"a line without CR":       "C: say one\\n\nS: one",
		"another tagged reply":    "C: say * 1\\r\\na NO\\r\\na OK\\r\\n\nS* a OK*",
		"end of file":             "C: bye\nS: *",
		"more than the end":       "C: say one\\r\\n\nC: bye\nS-",
		"a third in any order":    "C: say b\\r\\nc\\r\\na\\r\\n\nS~ a\nS~ b",
		"other octets":            "C: say one\nS\"onE\"",
		"words before TLS starts": "C: say go\\r\\nmore\\r\\n\nS: go\nC!",
	} {
		t.Run(name, func(t *testing.T) {
			steps, err := parse("here", dialogue)
			if err != nil {
				t.Fatal(err)
			}
			raw := start(t, nil)("")
			defer raw.Close()
			raw.SetDeadline(time.Now().Add(patience))
			c := &conn{Conn: raw, r: bufio.NewReader(raw)}
			for i, s := range steps {
				if err = c.step(s); err != nil && i < len(steps)-1 {
					t.Fatalf("step %d: %v", i, err)
				}
			}
			if err == nil {
				t.Error("it passed")
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, bad := range []string{"hello", "X: a", "C* a", "S! x", `C"open`, "c: low"} {
		if _, err := parse("here", "# fine\n\nC: fine\n"+bad); err == nil || !strings.HasPrefix(err.Error(), "here:4: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
