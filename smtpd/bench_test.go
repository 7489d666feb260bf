package smtpd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"posthorn/mail"
)

// sink is a queue that keeps nothing.
type sink struct{}

func (sink) Accept(context.Context, *mail.Mail) error { return nil }

func (sink) Refused(context.Context, *mail.Mail, netip.Addr, string, []mail.Refusal) {}

const benchBody = 4 << 10

// letter is a message of benchBody octets, dot-stuffed and ended.
func letter() string {
	head := "From: bob@sender.example\r\nTo: alice@example.org\r\nSubject: bench\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <x@sender.example>\r\n\r\n"
	line := strings.Repeat("x", 76) + "\r\n"
	return (head + strings.Repeat(line, benchBody/len(line)+1))[:benchBody-2] + "\r\n.\r\n"
}

// BenchmarkMX takes messages of 4 KiB over one connection from a client that
// waits for each reply, or pipelines what may be.
func BenchmarkMX(b *testing.B) {
	for _, pipelined := range []bool{false, true} {
		b.Run(fmt.Sprintf("pipelined=%t", pipelined), func(b *testing.B) {
			bench := newBench(MX)
			bench.deps.Queue = sink{}
			bench.deps.Log = slog.New(slog.DiscardHandler)
			send(b, bench.start(b)(""), pipelined)
		})
	}
}

// BenchmarkLibrary is what go-smtp costs by itself, to compare allocations.
func BenchmarkLibrary(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return bare{}, nil }))
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(ln) }()
	b.Cleanup(func() { s.Close(); <-done })
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	send(b, c, false)
}

type bare struct{}

func (bare) Reset()                               {}
func (bare) Logout() error                        { return nil }
func (bare) Mail(string, *smtp.MailOptions) error { return nil }
func (bare) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (bare) Data(r io.Reader) error               { _, err := io.Copy(io.Discard, r); return err }

func send(b *testing.B, c net.Conn, pipelined bool) {
	defer c.Close()
	r := bufio.NewReader(c)
	expect := func(code string) {
		for {
			l, err := r.ReadSlice('\n')
			if err != nil || len(l) < 4 || string(l[:3]) != code {
				b.Fatalf("got %q, %v", l, err)
			}
			if l[3] == ' ' {
				return
			}
		}
	}
	put := func(s string) {
		if _, err := io.WriteString(c, s); err != nil {
			b.Fatal(err)
		}
	}
	expect("220")
	put("EHLO c.example\r\n")
	expect("250")
	const from, to, data = "MAIL FROM:<bob@sender.example> SIZE=4096 BODY=8BITMIME\r\n", "RCPT TO:<alice@example.org>\r\n", "DATA\r\n"
	body := letter()
	b.ReportAllocs()
	b.SetBytes(benchBody)
	n := 0
	for b.Loop() {
		if pipelined {
			put(from + to + data)
			expect("250")
			expect("250")
		} else {
			put(from)
			expect("250")
			put(to)
			expect("250")
			put(data)
		}
		expect("354")
		put(body)
		expect("250")
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "msg/s")
}
