package interop

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"posthorn/message"
	"posthorn/message/sign"
)

// systemPython has Debian's python3-dkim.
const systemPython = "/usr/bin/python3"

func needDkimpy(t *testing.T) {
	t.Helper()
	if out, err := program(t, "", systemPython, "-c", "import dkim, authres"); err != nil {
		leaveOut(t, "python3-dkim and python3-authres are not installed (interop/install.sh): %s", out)
	}
}

// dkimpy runs testdata/arc.py with DNS records.
func dkimpy(t *testing.T, records, msg string, args ...string) string {
	t.Helper()
	return mustRun(t, msg, "env", append([]string{"RECORDS=" + records, systemPython, "-B", filepath.Join("testdata", "arc.py")}, args...)...)
}

// Chains that dkimpy and we seal in turn are whole for both, and broken for both
// when something was changed.
func TestARCWithDkimpy(t *testing.T) {
	needDkimpy(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), 0o600); err != nil {
		t.Fatal(err)
	}
	text := "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(spki)
	records := ""
	for _, domain := range []string{"ours.test", "theirs.test"} {
		records += "k._domainkey." + domain + " " + text + "\n"
	}
	validate := func(msg string) sign.Chain {
		t.Helper()
		c, err := sign.Validate(message.ParseHeader([]byte(msg)), strings.NewReader(msg), func(string, string) (sign.Key, error) { return sign.ParseKey(text) })
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	msg := "Received: from a\r\n\tby b; x\r\nFrom:  A  <a@far.test>\r\nTo: b@ours.test,\r\n c@ours.test\r\nSubject: hi  there\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@far.test>\r\n\r\n hello \t world  \r\n\r\n\r\n.x\r\n\r\n"
	for hop := 1; hop <= 4; hop++ {
		state := validate(msg).Status
		results := fmt.Sprintf("mx%d.test; spf=pass smtp.mailfrom=far.test; arc=%s", hop, state)
		if hop%2 == 1 {
			s := sign.NewSealer(sign.Seal{Domain: "ours.test", Selector: "k", Key: key, Results: results, Chain: state,
				Fields: []string{"From", "To", "Subject", "Date", "Message-ID", "DKIM-Signature"}, Time: time.Now()})
			s.Write([]byte(msg))
			set, err := s.Set()
			if err != nil {
				t.Fatal(err)
			}
			msg = string(set) + msg
		} else {
			msg = dkimpy(t, records, "Authentication-Results: "+results+"\r\n"+msg, "sign", "k", "theirs.test", file, fmt.Sprintf("mx%d.test", hop))
		}
		if got := dkimpy(t, records, msg, "verify"); !strings.HasPrefix(got, "pass") {
			t.Errorf("dkimpy after hop %d: %s\n%s", hop, got, msg)
		}
		if c := validate(msg); c.Status != sign.ChainPass || c.Sets != hop {
			t.Errorf("we after hop %d: %+v\n%s", hop, c, msg)
		}
		for what, changed := range map[string]string{
			"body":    strings.Replace(msg, "world", "word", 1),
			"subject": strings.Replace(msg, "hi  there", "hi  them", 1),
			"results": strings.Replace(msg, "spf=pass", "spf=none", 1),
		} {
			if got := dkimpy(t, records, changed, "verify"); strings.HasPrefix(got, "pass") {
				t.Errorf("dkimpy takes another %s", what)
			}
			if c := validate(changed); c.Status != sign.ChainFail {
				t.Errorf("we take another %s: %+v", what, c)
			}
		}
	}
}
