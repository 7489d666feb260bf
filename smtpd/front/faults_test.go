package front

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"posthorn/mail"
)

// The tests of this file are named after faults of a bare go-smtp v0.25.1 and
// show each closed.

// 1. A connection that ends inside BDAT n LAST was a complete message.
func TestFault01TruncatedBdatIsNoMessage(t *testing.T) {
	cut := "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nBDAT 1000 LAST\r\nSubject: hi\r\n\r\ncut he"
	for name, end := range map[string]func(*client){
		"plain": func(c *client) { c.send("EHLO c\r\n" + cut); c.Conn.(*net.TCPConn).CloseWrite(); c.rest() },
		"reset": func(c *client) { c.send("EHLO c\r\n" + cut); c.Conn.(*net.TCPConn).SetLinger(0); c.Close() },
		"close_notify": func(c *client) {
			s := c.starttls()
			s.send("EHLO c\r\n" + cut)
			s.Conn.(*tls.Conn).CloseWrite()
			s.rest()
		},
		"abrupt tls": func(c *client) {
			s := c.starttls()
			s.send("EHLO c\r\n" + cut)
			c.Conn.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := &backend{}
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			l := run(t, b, ln, Config{TLS: testTLS()})
			end(dial(t, ln.Addr().String()))
			l.Drain(5 * time.Second)
			for _, m := range b.messages() {
				if m.err == nil {
					t.Errorf("%d octets of 1000 were taken for a message", len(m.data))
				}
			}
		})
	}
}

func TestTruncatedDataIsNoMessage(t *testing.T) {
	b := &backend{}
	out := talk(t, start(t, b, Config{}), toData+"DATA\r\n")
	if codes(out) != "250,250,250,354" {
		t.Errorf("got %s", out)
	}
	if m := b.messages(); len(m) != 1 || m[0].err == nil {
		t.Errorf("got %+v", m)
	}
}

// 2. and 4. Lines of content were held to the limit of command lines.
func TestFault02And04ContentLinesHaveNoLimit(t *testing.T) {
	body := strings.Repeat("x", 5<<20) + crlf
	for name, content := range map[string]string{
		"DATA":          "DATA\r\n" + body + ".\r\n",
		"BDAT":          fmt.Sprintf("BDAT %d LAST\r\n%s", len(body), body),
		"rejected BDAT": "RSET\r\nBDAT 5000\r\n" + strings.Repeat("x", 5000) + toData[8:] + fmt.Sprintf("BDAT %d LAST\r\n%s", len(body), body),
	} {
		t.Run(name, func(t *testing.T) {
			b := &backend{}
			c := dial(t, start(t, b, Config{}))
			head, rest, _ := strings.Cut(content, crlf)
			c.send(toData + head + crlf)
			c.expect("250", "250", "250")
			if head == "DATA" {
				c.expect("354")
			}
			go io.WriteString(c, rest+"QUIT\r\n")
			if out := c.rest(); !strings.Contains(out, "250 2.0.0 Kept") || !strings.Contains(out, "221 ") {
				t.Errorf("got %s", out)
			}
			if m := b.messages(); len(m) != 1 || m[0].data != body {
				t.Errorf("got %d messages", len(m))
			}
		})
	}
}

// 3. RSET inside BDAT: the next message got the first one's error.
func TestFault03ResetWithinBdatDoesNotTouchTheNextMessage(t *testing.T) {
	b := &backend{}
	addr := start(t, b, Config{})
	for i := range 50 {
		out := talk(t, addr, "EHLO c\r\nMAIL FROM:<one@b.example>\r\nRCPT TO:<x@y.example>\r\nBDAT 3\r\nabcRSET\r\n"+
			"MAIL FROM:<two@b.example>\r\nRCPT TO:<x@y.example>\r\nBDAT 7 LAST\r\nhello\r\nQUIT\r\n")
		if codes(out) != "250,250,250,250,250,250,250,250,221" || !strings.Contains(out, "Kept") {
			t.Fatalf("session %d: %s", i, out)
		}
	}
	kept := 0
	for _, m := range b.messages() {
		if m.err == nil {
			kept++
			if m.from.Local != "two" || m.data != "hello\r\n" {
				t.Fatalf("kept %+v", m)
			}
		}
	}
	if kept != 50 {
		t.Errorf("kept %d messages of 50", kept)
	}
}

// 6. The size limit was exclusive. Content is the session's to measure; front
// judges SIZE.
func TestFault06SizeLimitIsInclusive(t *testing.T) {
	addr := start(t, &backend{}, Config{MaxSize: 100})
	for size, want := range map[string]string{"100": "250", "101": "552 5.3.4", "5000000000": "552 5.3.4",
		"99999999999999999999": "552 5.3.4", "-1": "501 5.5.4", "x": "501 5.5.4", "": "501 5.5.4"} {
		c := dial(t, addr)
		c.send("EHLO c\r\nMAIL FROM:<a@b.example> SIZE=" + size + crlf)
		c.expect("250", want)
	}
}

// 7. RCPT TO:<Postmaster> was refused.
func TestFault07PostmasterWithoutDomain(t *testing.T) {
	b := &backend{}
	out := talk(t, start(t, b, Config{}), "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\nBDAT 3 LAST\r\nx\r\nQUIT\r\n")
	if codes(out) != "250,250,250,250,221" {
		t.Fatalf("got %s", out)
	}
	if m := b.messages(); len(m) != 1 || m[0].to[0] != (mail.Path{Local: "Postmaster"}) {
		t.Errorf("got %+v", m)
	}
}

// 8. A second MAIL was accepted and kept the first one's recipients; AUTH was
// allowed in a transaction.
func TestFault08NestedMail(t *testing.T) {
	b := &backend{}
	c := dial(t, start(t, b, Config{TLS: testTLS(), Auth: true})).starttls()
	c.send(toData + "MAIL FROM:<second@b.example>\r\nAUTH PLAIN AAA=\r\nBDAT 3 LAST\r\nx\r\n")
	c.expect("250", "250", "250", "503 5.5.1", "503 5.5.1", "250")
	if m := b.messages(); len(m) != 1 || m[0].from.Local != "a" {
		t.Errorf("got %+v", m)
	}
}

// 9. Quoted local parts lost their quotes and could carry parameters.
func TestFault09QuotedLocalParts(t *testing.T) {
	b := &backend{}
	out := talk(t, start(t, b, Config{}), "EHLO c\r\nMAIL FROM:<\"a> SIZE=1 x\"@b.example>\r\nRCPT TO:<\"u@evil.example\"@y.example>\r\nBDAT 3 LAST\r\nx\r\n")
	if codes(out) != "250,250,250,250" {
		t.Fatalf("got %s", out)
	}
	m := b.messages()[0]
	if m.from != (mail.Path{Local: "a> SIZE=1 x", Domain: "b.example"}) || m.from.String() != `"a> SIZE=1 x"@b.example` {
		t.Errorf("from %+v", m.from)
	}
	if m.to[0] != (mail.Path{Local: "u@evil.example", Domain: "y.example"}) {
		t.Errorf("to %+v", m.to[0])
	}
}

// 10. Only unknown commands were counted, up to 3.
func TestFault10ErrorsAreCounted(t *testing.T) {
	cfg := Config{Limits: Limits{Errors: 10}}
	for name, bad := range map[string]string{"unknown commands": "XXXX\r\n", "syntax of MAIL": "MAIL FROM:bad\r\n",
		"parameters": "MAIL FROM:<a@b.example> X=1\r\n", "line ends": "NOOP\n", "long lines": strings.Repeat("x", 5000) + crlf} {
		t.Run(name, func(t *testing.T) {
			out := talk(t, start(t, &backend{}, cfg), "EHLO c\r\n"+strings.Repeat(bad, 9)+"NOOP\r\n"+bad+"NOOP\r\n")
			got := strings.Split(codes(out), ",")
			if len(got) != 13 || got[10] != "250" || got[12] != "421" || !strings.Contains(out, "421 4.7.0 ") {
				t.Errorf("got %s", out)
			}
		})
	}
	t.Run("a refused transaction counts nothing", func(t *testing.T) {
		out := talk(t, start(t, &backend{}, cfg), "EHLO c\r\n"+strings.Repeat("RCPT TO:<x@y.example>\r\n", 100)+"QUIT\r\n")
		if strings.Count(out, "503 5.5.1") != 100 || !strings.Contains(out, "221 ") {
			t.Errorf("got %s", out)
		}
	})
}

// 11. A trailing space was an error, STARTTLSxyz was not, and EHLO took
// anything.
func TestFault11VerbsAndTheirArguments(t *testing.T) {
	addr := start(t, &backend{}, Config{TLS: testTLS()})
	out := talk(t, addr, "ehlo c \r\nMAIL FROM: <a@b.example> \r\nrcpt to:<x@y.example>\t\r\nRSET \r\nnoop x\r\nSTARTTLSxyz\r\n"+
		"STARTTLS x\r\nEHLO \r\nEHLO "+strings.Repeat("x", 300)+"\r\nEHLO a\tb\r\nEHLO a\x7fb\r\nQUIT \r\n")
	if got := codes(out); got != "250,250,250,250,250,500,501,501,501,501,501,221" {
		t.Errorf("got %s in %s", got, out)
	}
}

// 12. A failed TLS handshake went on in the clear.
func TestFault12FailedHandshakeEnds(t *testing.T) {
	c := dial(t, start(t, &backend{}, Config{TLS: testTLS()}))
	c.send("EHLO c\r\nSTARTTLS\r\n")
	c.expect("250", "220")
	c.send("garbage, not TLS at all\r\nEHLO again\r\nMAIL FROM:<a@b.example>\r\n")
	if out, _ := io.ReadAll(c.r); strings.Contains(string(out), "250") {
		t.Errorf("got %q", out)
	}
}

// 13. What was buffered behind QUIT still ran, into a panic.
func TestFault13NothingRunsAfterQuit(t *testing.T) {
	b := &backend{}
	out := talk(t, start(t, b, Config{}), toData+"QUIT\r\nRCPT TO:<x@y.example>\r\nRCPT TO:<x@y.example>\r\nDATA\r\n")
	if codes(out) != "250,250,250,221" {
		t.Errorf("got %s", out)
	}
}

// 16. One write for each line of each reply.
func TestFault16BatchIsOneWrite(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	count := &countingListener{Listener: ln}
	run(t, &backend{}, count, Config{})
	c := dial(t, ln.Addr().String())
	c.send("EHLO c\r\n")
	c.expect("250")
	if n := count.writes.Swap(0); n != 2 {
		t.Errorf("greeting and EHLO took %d writes", n)
	}
	c.send("MAIL FROM:<a@b.example>\r\n" + strings.Repeat("RCPT TO:<x@y.example>\r\n", 50) + "DATA\r\n")
	for range 51 {
		c.expect("250")
	}
	c.expect("354")
	if n := count.writes.Swap(0); n != 1 {
		t.Errorf("a batch of 52 commands took %d writes", n)
	}
	c.send("x\r\n.\r\n")
	c.expect("250")
	if n := count.writes.Load(); n != 1 {
		t.Errorf("the last reply took %d writes", n)
	}
}

type countingListener struct {
	net.Listener
	writes atomic.Int64
}

type countingConn struct {
	net.Conn
	writes *atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return countingConn{c, &l.writes}, err
}

func (c countingConn) Write(p []byte) (int, error) { c.writes.Add(1); return c.Conn.Write(p) }

// 17. The enhanced code stood on the last line only, and commands out of order
// got 502.
func TestFault17EnhancedCodeOnEachLine(t *testing.T) {
	b := &backend{rcpt: func(mail.Path) error {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "one\ntwo\nthree"}
	}}
	out := talk(t, start(t, b, Config{}), "RCPT TO:<x@y.example>\r\nMAIL FROM:<a@b.example>\r\n"+toData+"DATA\r\n")
	for _, want := range []string{"503 5.5.1 ", "550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1 three\r\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %s", want, out)
		}
	}
	if strings.Contains(out, "502") {
		t.Errorf("got %s", out)
	}
}

// Keywords of go-smtp's can be taken away.
func TestHiddenKeywords(t *testing.T) {
	out := talk(t, start(t, &backend{}, Config{Hide: []string{"CHUNKING", "SIZE"}}), "EHLO c\r\n")
	if out != "250-mx.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8\r\n" {
		t.Errorf("got %q", out)
	}
}
