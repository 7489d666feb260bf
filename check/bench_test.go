package check

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"posthorn/internal/dns"
	"posthorn/internal/dns/dnstest"
)

// BenchmarkOnData judges a message of a size that passes SPF, DKIM (RSA, 2,048
// bits) and DMARC, the DNS's answers being known.
func BenchmarkOnData(b *testing.B) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		b.Fatal(err)
	}
	zones := dnstest.Zones{
		"bench.test":               {TXT: []string{"v=spf1 include:_spf.bench.test -all"}, MX: []string{"10 mx.bench.test"}},
		"_spf.bench.test":          {TXT: []string{"v=spf1 ip4:198.51.100.0/24 ip4:192.0.2.0/24 ~all"}},
		"k._domainkey.bench.test":  {TXT: []string{"v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)}},
		"_dmarc.bench.test":        {TXT: []string{"v=DMARC1; p=reject"}},
		"_dmarc.sender.bench.test": {},
	}
	p := NewPolicy(DefaultConfig(), dns.New(dnstest.Start(b, zones).Addr), fakeOurs{}, slog.New(slog.DiscardHandler))
	for _, size := range []int{4 << 10, 100 << 10} {
		b.Run(fmt.Sprintf("%d", size), func(b *testing.B) {
			plain := "From: A <a@bench.test>\r\nTo: b@here.test\r\nSubject: bench\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <x@bench.test>\r\n\r\n" +
				strings.Repeat("The quick brown fox jumps over the lazy dog, and something else besides.\r\n", size/74)
			var signed bytes.Buffer
			err := dkim.Sign(&signed, strings.NewReader(plain), &dkim.SignOptions{Domain: "bench.test", Selector: "k", Signer: key,
				HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(signed.Len()))
			b.ReportAllocs()
			for b.Loop() {
				t := arrive(b, "192.0.2.1", "a@bench.test", signed.Bytes())
				for _, stage := range []Stage{OnMail, OnData} {
					if err := p.Run(b.Context(), stage, t); err != nil {
						b.Fatal(err)
					}
				}
				if t.Found != "spf=pass dkim=pass (bench.test) dmarc=pass (bench.test)" {
					b.Fatal(t.Found)
				}
			}
		})
	}
}
