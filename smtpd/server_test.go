package smtpd

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"posthorn/internal/serve"
	"posthorn/mail"
	"posthorn/message"
	"posthorn/smtpd/front"
)

// converse sends each line after the reply to the one before, and gives the
// last reply.
func converse(t *testing.T, c net.Conn, lines ...string) string {
	t.Helper()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	last := ""
	for i := -1; i < len(lines); i++ {
		if i >= 0 {
			if _, err := io.WriteString(c, lines[i]+"\r\n"); err != nil {
				t.Fatal(err)
			}
		}
		for {
			l, err := r.ReadString('\n')
			if err != nil {
				t.Fatalf("after %q: %v", last, err)
			}
			if last = l; l[3] == ' ' {
				break
			}
		}
	}
	return last
}

var opening = []string{"EHLO c", "MAIL FROM:<bob@sender.example>", "RCPT TO:<alice@example.org>", "DATA"}

// A 50 MB limit with a 60 MB message: read to its end in constant memory, then
// refused, and the session goes on.
func TestMessageFarOverTheLimitIsReadToItsEnd(t *testing.T) {
	b := newBench(MX)
	b.cfg.MaxSize = 1 << 20
	c := b.start(t)("")
	defer c.Close()
	body := strings.Repeat(strings.Repeat("x", 1<<20)+"\r\n", 10) + "."
	if r := converse(t, c, append(opening, body, "NOOP", "MAIL FROM:<>")...); !strings.HasPrefix(r, "250 2.1.0") {
		t.Errorf("got %q", r)
	}
	if s := b.log.String(); !strings.Contains(s, `status="552 5.3.4`) {
		t.Errorf("logged %s", s)
	}
}

// Content beyond 4 MiB goes through a file and arrives as it was.
func TestLargeMessage(t *testing.T) {
	b := newBench(MX)
	c := b.start(t)("")
	defer c.Close()
	body := "Subject: large\r\n\r\n" + strings.Repeat(strings.Repeat("y", 5_000_000)+"\r\n", 2)
	if r := converse(t, c, append(opening, body+".")...); !strings.HasPrefix(r, "250 2.0.0") {
		t.Fatalf("got %q", r)
	}
	if got := b.queue.all(); len(got) != 1 || !strings.HasSuffix(got[0].whole, "\r\n"+body) {
		t.Errorf("%d messages", len(got))
	}
}

func TestSpoolFolderMissing(t *testing.T) {
	b := newBench(MX)
	b.deps.Spools.Dir = t.TempDir() + "/missing"
	b.errors = 1
	c := b.start(t)("")
	defer c.Close()
	if r := converse(t, c, append(opening, strings.Repeat("x", 5<<20)+"\r\n.", "RCPT TO:<alice@example.org>")...); !strings.HasPrefix(r, "503 5.5.1") {
		t.Errorf("got %q", r)
	}
	if s := b.log.String(); !strings.Contains(s, `status="451 4.3.0`) || !strings.Contains(s, "make spool file") {
		t.Errorf("logged %s", s)
	}
}

// One Info line a transaction; an unforeseen failure is one Error line that
// names session and queue id.
func TestLog(t *testing.T) {
	b := newBench(MX)
	b.errors = 1
	c := b.start(t)("")
	converse(t, c, "EHLO c", "MAIL FROM:<bob@sender.example>", "RCPT TO:<alice@example.org>", "RCPT TO:<nobody@example.org>", "DATA", ".",
		"MAIL FROM:<bob@sender.example>", "RCPT TO:<nobody@example.org>", "RSET",
		"MAIL FROM:<broken@sender.example>", "RCPT TO:<alice@example.org>", "DATA", ".")
	c.Close()
	b.stop()
	var info []string
	for line := range strings.Lines(b.log.String()) {
		if strings.Contains(line, "level=INFO") {
			info = append(info, line)
		}
		if strings.Contains(line, "level=ERROR") && !regexp.MustCompile(`session=[0-9A-Z]{13} queue_id=[0-9A-Z]{13} error=.*no such table`).MatchString(line) {
			t.Errorf("got %s", line)
		}
	}
	want := []string{
		`to=alice@example.org status="250 2.0.0 Ok: queued as`,
		`to=nobody@example.org status="550 5.1.1`,
		`from=broken@sender.example to=alice@example.org status="451 4.3.0`,
	}
	if len(info) != len(want) {
		t.Fatalf("got %q", info)
	}
	for i, w := range want {
		if !strings.Contains(info[i], w) {
			t.Errorf("line %d is %s", i, info[i])
		}
	}
}

// The running transaction is finished, then 421; new connections are refused.
func TestShutdown(t *testing.T) {
	b := newBench(MX)
	dial := b.start(t)
	c := dial("")
	defer c.Close()
	r := bufio.NewReader(c)
	if l, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(l, "220 ") {
		t.Fatal(l, err)
	}
	fmt.Fprint(c, "EHLO c\r\nMAIL FROM:<bob@sender.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n")
	for l := ""; !strings.HasPrefix(l, "354"); {
		var err error
		if l, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	stopped := make(chan struct{})
	go func() { b.stop(); close(stopped) }()
	for {
		n, err := net.Dial("tcp", b.addr)
		if err != nil {
			break
		}
		n.Close()
	}
	fmt.Fprint(c, "Subject: last\r\n.\r\n")
	rest, err := io.ReadAll(r)
	if s := string(rest); err != nil || !strings.HasPrefix(s, "250 2.0.0 Ok: queued") || !strings.Contains(s, "\r\n421 4.3.2") {
		t.Errorf("got %q, %v", s, err)
	}
	<-stopped
	if n := len(b.queue.all()); n != 1 {
		t.Errorf("%d messages were accepted", n)
	}
}

// 15 of go-smtp's faults: there was no limit on connections. What is refused is
// told why; within TLS that is not worth a handshake.
func TestFault15ConnectionsAreLimited(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		b := newBench(MX)
		b.implicit = implicit
		b.deps.Limiter = serve.NewLimiter(serve.Limits{PerAddress: 2, LimitLoopback: true}, slog.New(slog.DiscardHandler))
		b.start(t)
		for i := range 3 {
			c, err := net.Dial("tcp", b.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if implicit && i < 2 {
				if err := tls.Client(c, &tls.Config{InsecureSkipVerify: true}).Handshake(); err != nil {
					t.Fatal(err)
				}
				continue
			}
			got, err := bufio.NewReader(c).ReadString('\n')
			want := map[bool]string{true: "220 ", false: "421 4.7.0 "}[i < 2]
			if implicit {
				want = ""
			}
			if !strings.HasPrefix(got, want) || (err != nil) != implicit {
				t.Errorf("implicit %t, connection %d: %q, %v", implicit, i, got, err)
			}
		}
	}
}

// What stands behind the part of a header that is looked at would be believed
// unseen: another's From, a 101st Received.
func TestHeaderOverTheLimit(t *testing.T) {
	filler := strings.Repeat("X-Filler: "+strings.Repeat("x", 90)+"\r\n", maxHeader/102)
	for name, c := range map[string]struct{ content, reply string }{
		"a header just within it":  {filler + "\r\nbody", "250 "},
		"a header over it":         {filler + filler + "From: boss@example.org\r\n\r\nbody", "552 5.3.4 "},
		"one field over it":        {"X: " + strings.Repeat("x", maxHeader) + "\r\n\r\nbody", "552 5.3.4 "},
		"a body line of 5 MiB":     {"\r\n" + strings.Repeat("x", 5<<20), "250 "},
		"a header and a long body": {"A: b\r\n\r\n" + strings.Repeat("X-Filler: x\r\n", maxHeader/10), "250 "},
	} {
		b := newBench(MX)
		b.start(t)
		conn, err := net.Dial("tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		r := converse(t, conn, "EHLO c.example", "MAIL FROM:<bob@sender.example>", "RCPT TO:<alice@example.org>", "DATA", c.content+"\r\n.")
		if !strings.HasPrefix(r, c.reply) {
			t.Errorf("%s: %s", name, r)
		}
		conn.Close()
	}
}

// The clients of a load balancer are counted, not the load balancer.
func TestLimitBehindAProxy(t *testing.T) {
	b := newBench(MX)
	b.cfg.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	b.deps.Limiter = serve.NewLimiter(serve.Limits{PerAddress: 1, LimitLoopback: true}, slog.New(slog.DiscardHandler))
	b.start(t)
	for _, c := range []struct{ client, greeting string }{
		{"192.0.2.1", "220 "},
		{"192.0.2.2", "220 "},
		{"192.0.2.1", "421 4.7.0 "},
	} {
		conn, err := net.Dial("tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "PROXY TCP4 %s 10.0.0.1 4711 25\r\n", c.client)
		if got, err := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(got, c.greeting) || err != nil {
			t.Errorf("%s: %q, %v", c.client, got, err)
		}
	}
}

// A client that is closed upon need not wait for the end of a linger: its half
// of the connection is told at once, counted or not.
func TestRefusedClientIsToldAtOnce(t *testing.T) {
	b := newBench(MX)
	b.deps.Limiter = serve.NewLimiter(serve.Limits{}, slog.New(slog.DiscardHandler))
	b.start(t)
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	r.ReadString('\n')
	began := time.Now()
	io.WriteString(conn, "XCLIENT ADDR=192.0.2.1\r\n")
	rest, err := io.ReadAll(r)
	if took := time.Since(began); !strings.HasPrefix(string(rest), "521 ") || err != nil || took > 300*time.Millisecond {
		t.Errorf("%q, %v after %v", rest, err, took)
	}
}

// Whatever a client calls itself, Received is one well-formed field.
func FuzzReceived(f *testing.F) {
	f.Add("client.example", false)
	f.Add("x) by evil (\r\nSubject: y", true)
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	conn := front.New(there, &front.Config{})
	f.Fuzz(func(t *testing.T, name string, two bool) {
		s := &session{Server: New(MX, DefaultConfig(), Deps{Hostname: "mx.example.org"}), conn: conn, hello: func() string { return name }, address: literal(netip.MustParseAddr("2001:db8::1"))}
		tx := begin(mail.Path{}, 0, &smtp.MailOptions{})
		tx.To = []mail.Recipient{{Path: mail.Path{Local: "alice", Domain: "example.org"}}}
		if two {
			tx.To = append(tx.To, tx.To[0])
		}
		b := s.received(tx)
		fields := message.ParseHeader(b).Fields()
		if len(fields) != 1 || fields[0].Name != "Received" || len(fields[0].Raw) != len(b) {
			t.Fatalf("%q", b)
		}
		if strings.Contains(fields[0].Value(), "for <") == two {
			t.Errorf("%q", b)
		}
		if strings.Count(string(b), "(")-strings.Count(string(b), ")") != 0 || strings.Count(string(b), "(") != 1 {
			t.Errorf("%q", b)
		}
	})
}
