package front

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
)

const v2 = "\r\n\r\n\x00\r\nQUIT\n"

func TestProxyHeader(t *testing.T) {
	for in, want := range map[string]string{
		"PROXY TCP4 192.0.2.7 10.0.0.1 4711 25\r\n":                                               "192.0.2.7:4711",
		"PROXY TCP6 2001:db8::7 2001:db8::1 4711 25\r\n":                                          "[2001:db8::7]:4711",
		"PROXY UNKNOWN\r\n":                                                                       "",
		"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n":                                                   "",
		v2 + "\x21\x11\x00\x0c\xc0\x00\x02\x07\x0a\x00\x00\x01\x12\x67\x00\x19":                   "192.0.2.7:4711",
		v2 + "\x21\x11\x00\x0f\xc0\x00\x02\x07\x0a\x00\x00\x01\x12\x67\x00\x19\x04\x00\x00":       "192.0.2.7:4711",
		v2 + "\x21\x21\x00\x24\x20\x01\x0d\xb8" + strings.Repeat("\x00", 28) + "\x12\x67\x00\x19": "[2001:db8::]:4711",
		v2 + "\x20\x00\x00\x00":                                                                   "", // LOCAL
		v2 + "\x21\x31\x00\x02ab":                                                                 "", // a Unix socket
		"PROXY TCP4 2001:db8::7 10.0.0.1 4711 25\r\n":                                             "error",
		"PROXY TCP4 192.0.2.7 10.0.0.1 99999 25\r\n":                                              "error",
		"PROXY TCP4 192.0.2.7\r\n":                                                                "error",
		"PROXY " + strings.Repeat("x", 200) + "\r\n":                                              "error",
		"EHLO client.example\r\n":                                                                 "error",
		v2 + "\x11\x11\x00\x00":                                                                   "error",
		v2 + "\x21\x11\x00\x0c\xc0":                                                               "error",
		"PROXY TCP4 1":                                                                            "error",
	} {
		r := strings.NewReader(in + "EHLO")
		got, err := readProxy(r)
		switch {
		case want == "error":
			if err == nil && r.Len() >= 4 {
				t.Errorf("%q was taken for %v", in, got)
			}
			continue
		case err != nil:
			t.Errorf("%q: %v", in, err)
		case want == "" && got.IsValid(), want != "" && got.String() != want:
			t.Errorf("%q: got %v, want %s", in, got, want)
		}
		if r.Len() != 4 {
			t.Errorf("%q: %d octets are left of 4", in, r.Len())
		}
	}
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func TestListedProxySpeaksForItsClient(t *testing.T) {
	b := &backend{}
	var remote string
	b.rcpt = func(mail.Path) error { return nil }
	b.data = func(c *Conn) error {
		remote = c.RemoteAddr().String()
		io.Copy(io.Discard, c.Content())
		return nil
	}
	addr := start(t, b, Config{Proxies: loopback, TLS: testTLS(), Limits: Limits{GreetPause: time.Millisecond}})
	c := dialRaw(t, addr)
	c.send("PROXY TCP4 192.0.2.7 10.0.0.1 4711 25\r\n")
	c.expect("220")
	c.send(toData + "BDAT 3 LAST\r\nx\r\n")
	c.expect("250", "250", "250", "250")
	if remote != "192.0.2.7:4711" {
		t.Errorf("remote is %s", remote)
	}
}

func TestListedProxyMustSendAHeader(t *testing.T) {
	b := &backend{complaint: "proxy header"}
	c := dialRaw(t, start(t, b, Config{Proxies: loopback}))
	c.send("EHLO client.example\r\n")
	c.closed()
}

func TestSpoofedProxyIsRefused(t *testing.T) {
	early := start(t, &backend{}, Config{Limits: Limits{GreetPause: 2 * time.Second}})
	late := start(t, &backend{}, Config{})
	for _, in := range []string{"PROXY TCP4 192.0.2.7 10.0.0.1 4711 25\r\n", v2 + "\x20\x00\x00\x00"} {
		c := dialRaw(t, early)
		c.send(in)
		c.expect("521 5.7.1")
		c.closed()
		c = dial(t, late)
		c.send(in)
		for {
			if r := c.reply(); strings.HasPrefix(r, "521 5.7.1") {
				break
			}
		}
		c.closed()
	}
}

func TestEarlyTalkerIsRefused(t *testing.T) {
	c := dialRaw(t, start(t, &backend{}, Config{Limits: Limits{GreetPause: 2 * time.Second}}))
	c.send("EHLO c\r\n")
	c.expect("554 5.5.1")
	c.closed()
}

// Whatever comes first, reading the header takes no more than the header and
// never more than its limits.
func FuzzProxyHeader(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.7 10.0.0.1 4711 25\r\n"))
	f.Add([]byte(v2 + "\x21\x11\x00\x0c\xc0\x00\x02\x07\x0a\x00\x00\x01\x12\x67\x00\x19"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		addr, err := readProxy(r)
		used := len(b) - r.Len()
		if err != nil {
			if addr.IsValid() {
				t.Errorf("an address with %v", err)
			}
			return
		}
		if bytes.HasPrefix(b, []byte("PROXY ")) && (used > maxProxyV1 || b[used-1] != '\n') {
			t.Errorf("took %q", b[:used])
		}
		if again, err := readProxy(io.LimitReader(bytes.NewReader(b), int64(used))); err != nil || again != addr {
			t.Errorf("the header alone gives %v, %v", again, err)
		}
		if _, err := readProxy(io.LimitReader(bytes.NewReader(b), int64(used-1))); err == nil || errors.Is(err, errProxy) {
			t.Errorf("a cut header gives %v", err)
		}
	})
}
