package sign

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"posthorn/message"
)

var (
	edKey     = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	rsa2048   = must(rsa.GenerateKey(rand.Reader, 2048))
	errNoKey  = errors.New("no such key")
	canonical = []dkim.Canonicalization{dkim.CanonicalizationSimple, dkim.CanonicalizationRelaxed}
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// signed is a message with a DKIM signature of another implementation on top.
func signed(t testing.TB, msg string, key crypto.Signer, header, body dkim.Canonicalization) []byte {
	t.Helper()
	var b bytes.Buffer
	err := dkim.Sign(&b, strings.NewReader(msg), &dkim.SignOptions{
		Domain: "Here.test", Selector: "k", Signer: key, HeaderKeys: []string{"From", "From", "To", "Subject", "Message-ID", "Received"},
		HeaderCanonicalization: header, BodyCanonicalization: body,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func only(key crypto.Signer) Lookup {
	return func(domain, selector string) (Key, error) {
		if domain != "here.test" || selector != "k" {
			return Key{}, errNoKey
		}
		return Key{key.Public()}, nil
	}
}

const letter = "Received: two\r\nReceived: one\r\nfrom:  Alice  <alice@here.test>\r\nTo: bob@far.test,\r\n\t carol@far.test \r\nSubject : hi\r\nMessage-ID: <one@here.test>\r\nX: y\r\n\r\nHello\r\n"

// first parses the signature on top of a message and gives it with the header.
func first(t testing.TB, msg []byte) (*Signature, message.Header) {
	t.Helper()
	h := message.ParseHeader(msg)
	s, err := ParseSignature(h.Fields()[0])
	if err != nil {
		t.Fatal(err)
	}
	return s, h
}

func TestVerifyHeader(t *testing.T) {
	for _, key := range []crypto.Signer{edKey, rsa2048} {
		for _, header := range canonical {
			msg := signed(t, letter, key, header, dkim.CanonicalizationRelaxed)
			s, h := first(t, msg)
			if err := s.VerifyHeader(h, only(key)); err != nil {
				t.Errorf("%s %T: %v", header, key, err)
			}
			if d := time.Since(s.Made()); s.Domain != "here.test" || d < -time.Second || d > time.Minute {
				t.Errorf("made %s by %s", s.Made(), s.Domain)
			}
			for what, change := range map[string][2]string{
				"the subject":        {" hi\r\n", " ho\r\n"},
				"a field on top":     {"Received: two", "From: eve@here.test\r\nReceived: two"},
				"a second recipient": {"carol@far.test", "eve@far.test"},
				"the signature":      {"s=k;", "s=k; y=1;"},
			} {
				forged := bytes.Replace(msg, []byte(change[0]), []byte(change[1]), 1)
				if bytes.Equal(forged, msg) {
					t.Fatalf("%s: nothing was changed", what)
				}
				s, h := first(t, forged)
				if what == "a field on top" { // it was signed not to be there
					if s.VerifyHeader(h, only(key)) == nil {
						t.Errorf("%s: another From is taken", header)
					}
					continue
				}
				if s.VerifyHeader(h, only(key)) == nil {
					t.Errorf("%s: with %s changed it holds", header, what)
				}
			}
			if err := s.VerifyHeader(h, func(string, string) (Key, error) { return Key{}, errNoKey }); !errors.Is(err, errNoKey) {
				t.Errorf("without the key: %v", err)
			}
		}
	}
	// What hosts do to a header they bring back does not matter to the relaxed form.
	msg := signed(t, letter, edKey, dkim.CanonicalizationRelaxed, dkim.CanonicalizationRelaxed)
	msg = append([]byte("Delivered-To: x\r\nReturn-Path: <alice@here.test>\r\n"), bytes.ReplaceAll(msg[:bytes.Index(msg, []byte("\r\n\r\n"))+2], []byte("\r\n\t "), []byte(" "))...)
	h := message.ParseHeader(msg)
	for _, f := range h.Fields() {
		if f.Name != "DKIM-Signature" {
			continue
		}
		s, err := ParseSignature(f)
		if err == nil {
			err = s.VerifyHeader(h, only(edKey))
		}
		if err != nil {
			t.Errorf("brought back: %v", err)
		}
	}
}

func TestSignaturesThatProveNothing(t *testing.T) {
	for what, field := range map[string]string{
		"not a list":           "hello",
		"a tag twice":          "v=1; d=here.test; d=here.test; s=k; h=from; b=AAAA",
		"no domain":            "s=k; h=from; b=AAAA",
		"no From":              "d=here.test; s=k; h=to; b=AAAA",
		"no base64":            "d=here.test; s=k; h=from; b=!",
		"an unknown form":      "d=here.test; s=k; h=from; c=nofws; b=AAAA",
		"a thousand fields":    "d=here.test; s=k; h=from" + strings.Repeat(":x", 1000) + "; b=AAAA",
		"tags without an end":  strings.Repeat("a", 10) + "=1; " + strings.Repeat("b=2;c=3;", 1000),
		"a hundred other tags": manyTags(100),
	} {
		h := message.ParseHeader([]byte("DKIM-Signature: " + field + "\r\n"))
		if s, err := ParseSignature(h.Fields()[0]); err == nil {
			t.Errorf("%s: %+v", what, s)
		}
	}
	msg := bytes.Replace(signed(t, letter, edKey, "simple", "simple"), []byte("s=k;"), []byte("s=k; l=1;"), 1)
	s, h := first(t, msg)
	if s.VerifyHeader(h, only(edKey)) == nil {
		t.Error("l= is taken")
	}
}

func manyTags(n int) string {
	var b strings.Builder
	b.WriteString("d=here.test; s=k; h=from; b=AAAA")
	for i := range n {
		b.WriteString(";t" + strings.Repeat("x", i) + "=1")
	}
	return b.String()
}

func TestParseKey(t *testing.T) {
	spki := base64.StdEncoding.EncodeToString(must(x509PKIX(rsa2048)))
	ed := base64.StdEncoding.EncodeToString(edKey.Public().(ed25519.PublicKey))
	small := base64.StdEncoding.EncodeToString(must(x509PKIX(smallKey())))
	for txt, ok := range map[string]bool{
		"v=DKIM1; k=rsa; p=" + spki:                  true,
		"p=" + spki[:20] + " " + spki[20:]:           true,
		"v=DKIM1; k=ed25519; p=" + ed:                true,
		"v=DKIM1; h=sha1:sha256; s=email; p=" + spki: true,
		"v=DKIM1; h=sha1; p=" + spki:                 false,
		"v=DKIM1; s=tlsrpt; p=" + spki:               false,
		"v=DKIM2; p=" + spki:                         false,
		"v=DKIM1; k=rsa; p=":                         false, // revoked
		"v=DKIM1; k=rsa; p=" + small:                 false,
		"v=DKIM1; k=ed25519; p=" + spki:              false,
		"v=DKIM1; k=dsa; p=" + ed:                    false,
		"v=spf1 -all":                                false,
		"":                                           false,
	} {
		if _, err := ParseKey(txt); (err == nil) != ok {
			t.Errorf("%.60s: %v", txt, err)
		}
	}
}

// The canonical body is the one of go-msgauth, whatever the body and however it
// is cut.
func FuzzBody(f *testing.F) {
	f.Add([]byte("a  b \r\n\r\n\t\r\nc"), 3, true)
	f.Add([]byte("\r\n\r\n"), 1, false)
	f.Add([]byte(" \r\n x\t\ty"), 2, true)
	f.Fuzz(func(t *testing.T, text []byte, cut int, isRelaxed bool) {
		// Bare CR and LF never come here: go-msgauth repairs them, we refuse them.
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r"), nil), []byte("\n"), []byte("\r\n"))
		form := canonical[0]
		if isRelaxed {
			form = canonical[1]
		}
		s, _ := first(t, signed(t, "From: a@here.test\r\n\r\n"+string(text), edKey, "relaxed", form))
		hash := sha256.New()
		b := newBody(hash, canon(isRelaxed))
		for cut = max(1, cut%7); len(text) > 0; text = text[min(cut, len(text)):] {
			b.Write(text[:min(cut, len(text))])
		}
		b.Close()
		if got, want := base64.StdEncoding.EncodeToString(hash.Sum(nil)), squeeze(s.Tags["bh"]); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// Whatever stands in a field, it is parsed within bounds, and a changed
// signature does not verify.
func FuzzParseSignature(f *testing.F) {
	f.Add("v=1; a=ed25519-sha256; d=here.test; s=k; h=from:to; c=relaxed/simple; t=1; b=AA AA")
	f.Add("b=;;d=x;h=from;;")
	f.Fuzz(func(t *testing.T, value string) {
		h := message.ParseHeader([]byte("DKIM-Signature: " + value + "\r\nFrom: a@b\r\n\r\n"))
		s, err := ParseSignature(h.Fields()[0])
		if err != nil {
			return
		}
		if len(s.fields) > maxSigned || len(s.Tags) > maxTags {
			t.Errorf("%d fields, %d tags", len(s.fields), len(s.Tags))
		}
		if err := s.VerifyHeader(h, func(string, string) (Key, error) { return Key{edKey.Public()}, nil }); err == nil {
			t.Errorf("%q verifies", value)
		}
	})
}
