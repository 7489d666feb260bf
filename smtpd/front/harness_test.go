package front

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"posthorn/mail"
)

// backend is a session that keeps what it is given.
type backend struct {
	mu  sync.Mutex
	got []message
	log syncBuffer // what go-smtp and front complain of

	complaint string // what is to be found in log; "" for nothing at all

	rcpt func(mail.Path) error
	data func(*Conn) error // instead of reading the content
}

type message struct {
	from  mail.Path
	to    []mail.Path
	data  string
	err   error
	fault string
	tls   bool
}

func (b *backend) messages() []message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]message(nil), b.got...)
}

type testSession struct {
	b    *backend
	c    *Conn
	from mail.Path
	to   []mail.Path
}

func (b *backend) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &testSession{b: b, c: c.Conn().(*Conn)}, nil
}

func (s *testSession) Reset()        { s.from, s.to = mail.Path{}, nil }
func (s *testSession) Logout() error { return nil }

func (s *testSession) Mail(string, *smtp.MailOptions) error {
	s.from = s.c.Path()
	return nil
}

func (s *testSession) Rcpt(string, *smtp.RcptOptions) error {
	if s.b.rcpt != nil {
		if err := s.b.rcpt(s.c.Path()); err != nil {
			return err
		}
	}
	s.to = append(s.to, s.c.Path())
	return nil
}

func (s *testSession) Data(io.Reader) error {
	if s.b.data != nil {
		return s.b.data(s.c)
	}
	data, err := io.ReadAll(s.c.Content())
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.got = append(s.b.got, message{s.from, s.to, string(data), err, s.c.Fault(), s.c.TLS() != nil})
	if err == nil {
		return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: "Kept"}
	}
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Not kept"}
}

func (s *testSession) AuthMechanisms() []string {
	if s.c.TLS() == nil {
		return nil
	}
	return []string{"PLAIN", "LOGIN"}
}

func (s *testSession) Auth(mech string) (sasl.Server, error) {
	if mech != "PLAIN" {
		return nil, &smtp.SMTPError{Code: 504, EnhancedCode: smtp.EnhancedCode{5, 5, 4}, Message: "Not offered"}
	}
	return sasl.NewPlainServer(func(_, _, password string) error {
		if password != "secret" {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Wrong"}
		}
		return nil
	}), nil
}

type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// run has go-smtp serve behind a front on ln until the test ends.
func run(t testing.TB, b *backend, ln net.Listener, cfg Config) *Listener {
	if cfg.Hostname == "" {
		cfg.Hostname = "mx.test"
	}
	cfg.Log = slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s := smtp.NewServer(b)
	s.AllowInsecureAuth = true
	s.MaxLineLength = 0
	s.EnableSMTPUTF8 = true
	s.EnableDSN = cfg.DSN
	s.MaxMessageBytes = cfg.MaxSize
	s.ErrorLog = log.New(&b.log, "", 0)
	l := Listen(ln, cfg)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Serve(l)
	}()
	t.Cleanup(func() {
		l.Drain(0)
		<-done
		s.Shutdown(context.Background()) // waits for all sessions
		if s := b.log.String(); b.complaint == "" && s != "" || !strings.Contains(s, b.complaint) {
			t.Errorf("logged %q, want %q", s, b.complaint)
		}
	})
	return l
}

// start serves on a loopback port and gives its address.
func start(t testing.TB, b *backend, cfg Config) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	run(t, b, ln, cfg)
	return ln.Addr().String()
}

// talk waits for the greeting, sends all of in at once, closes its half and
// gives everything the server says after the greeting.
func talk(t testing.TB, addr, in string) string {
	t.Helper()
	c := dial(t, addr)
	c.send(in)
	c.Conn.(*net.TCPConn).CloseWrite()
	return c.rest()
}

type client struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

func dialRaw(t testing.TB, addr string) *client {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return over(t, nc)
}

// dial connects and reads the greeting.
func dial(t testing.TB, addr string) *client {
	t.Helper()
	c := dialRaw(t, addr)
	c.expect("220 mx.test ESMTP")
	return c
}

func over(t testing.TB, nc net.Conn) *client {
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	return &client{nc, t, bufio.NewReader(nc)}
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

// reply reads one reply, its lines joined by "|".
func (c *client) reply() string {
	c.t.Helper()
	var lines []string
	for {
		l, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatalf("after %q: %v", lines, err)
		}
		lines = append(lines, strings.TrimSuffix(l, crlf))
		if len(l) < 4 || l[3] != '-' {
			return strings.Join(lines, "|")
		}
	}
}

func (c *client) expect(prefixes ...string) {
	c.t.Helper()
	for _, p := range prefixes {
		if got := c.reply(); !strings.HasPrefix(got, p) {
			c.t.Fatalf("got %q, want %q", got, p)
		}
	}
}

func (c *client) closed() {
	c.t.Helper()
	if l, err := c.r.ReadString('\n'); err != io.EOF && !errors.Is(err, net.ErrClosed) && !errors.Is(err, syscall.ECONNRESET) {
		c.t.Fatalf("connection is open: %q, %v", l, err)
	}
}

func (c *client) rest() string {
	c.t.Helper()
	out, err := io.ReadAll(c.r)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(out)
}

// starttls says EHLO and begins TLS.
func (c *client) starttls() *client {
	c.t.Helper()
	c.send("EHLO c\r\nSTARTTLS\r\n")
	c.expect("250", "220 2.0.0")
	return over(c.t, tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true}))
}

// codes gives the code of each reply, "250,250,354".
func codes(out string) string {
	var all []string
	for l := range strings.Lines(out) {
		if len(l) > 3 && l[3] == ' ' {
			all = append(all, l[:3])
		}
	}
	return strings.Join(all, ",")
}

const toData = "EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\n"

var testTLS = sync.OnceValue(func() *tls.Config {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	crt := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"mx.test"}}
	der, err := x509.CreateCertificate(rand.Reader, crt, crt, &k.PublicKey, k)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: k}}}
})

func unknown(p mail.Path) error {
	if strings.HasPrefix(p.Local, "nobody") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: fmt.Sprintf("There is no mailbox %s here", p)}
	}
	return nil
}
