package check

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

// The library verifies several signatures in goroutines of its own, where
// nobody could recover a panic: neither a message nor a key record may cause
// one.
func FuzzDKIM(f *testing.F) {
	published := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	content := []byte("From: a@good.test\r\nSubject: hi\r\n\r\nHello\r\n")
	for range 2 {
		var signed bytes.Buffer
		options := &dkim.SignOptions{Domain: "good.test", Selector: "k", Signer: crypto.Signer(key)}
		if err := dkim.Sign(&signed, bytes.NewReader(content), options); err != nil {
			f.Fatal(err)
		}
		content = signed.Bytes()
		f.Add(content, published)
	}
	f.Add(content, "v=DKIM1; k=ed25519; p=AAAA")
	f.Add(content, "k=rsa; p=MAA=; h=sha1; s=other; t=s:y")
	f.Fuzz(func(t *testing.T, content []byte, record string) {
		all, _ := dkim.VerifyWithOptions(bytes.NewReader(content), &dkim.VerifyOptions{
			MaxVerifications: maxSignatures,
			LookupTXT:        func(string) ([]string, error) { return []string{record}, nil },
		})
		if len(all) > maxSignatures {
			t.Errorf("%d verifications", len(all))
		}
		for _, v := range all {
			if got := finding(v); (got.result == "pass") != (v.Err == nil) {
				t.Errorf("%v became %v", v.Err, got)
			}
		}
	})
}
