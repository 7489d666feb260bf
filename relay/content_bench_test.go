package relay

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"posthorn/internal/dns"
	"posthorn/mail"
	"posthorn/store"
)

// onDisk is content in a file, as in the queue.
type onDisk struct {
	path string
	size int64
}

func (d onDisk) Size() int64                  { return d.size }
func (d onDisk) Open() (io.ReadCloser, error) { return os.Open(d.path) }

// BenchmarkContent reads, signs and writes a message once, as an attempt does.
func BenchmarkContent(b *testing.B) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		b.Fatal(err)
	}
	keys := func(context.Context, string) ([]store.DKIMKey, error) {
		return []store.DKIMKey{{Domain: "us.test", Selector: "rsa", Algorithm: "rsa", Private: der}}, nil
	}
	for _, kb := range []int{4, 100, 1000} {
		for _, signed := range []bool{false, true} {
			b.Run(fmt.Sprintf("KiB=%d/signed=%v", kb, signed), func(b *testing.B) {
				cfg := DefaultConfig()
				cfg.DKIM = signed
				r, err := New(cfg, "us.test", dns.New("none"), keys, nil, slog.New(slog.DiscardHandler))
				if err != nil {
					b.Fatal(err)
				}
				defer r.Close()
				text := "From: alice@us.test\r\n\r\n" + strings.Repeat("words of a letter in lines of sixty octets, as there are many\r\n", kb*16)
				file := filepath.Join(b.TempDir(), "m")
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					b.Fatal(err)
				}
				m := &mail.Mail{Origin: mail.Origin{Login: "alice@us.test"}, Content: onDisk{file, int64(len(text))}}
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					p, err := r.prepare(b.Context(), m)
					if err != nil {
						b.Fatal(err)
					}
					if err := p.asIs.writeTo(io.Discard); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
