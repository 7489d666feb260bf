package sign

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"posthorn/message"
)

// forwarded is a message that has come through hops, each sealing for hop<n>.test
// with the key; change is what a hop does to it before it seals.
func forwarded(t testing.TB, msg string, key crypto.Signer, hops int, change func(hop int, msg string) string) string {
	t.Helper()
	for hop := 1; hop <= hops; hop++ {
		state, err := Validate(message.ParseHeader([]byte(msg)), strings.NewReader(msg), everybody(key))
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			msg = change(hop, msg)
		}
		set, err := sealOf(t, msg, key, fmt.Sprintf("hop%d.test", hop), state.Status)
		if err != nil {
			t.Fatal(err)
		}
		msg = set + msg
	}
	return msg
}

func sealOf(t testing.TB, msg string, key crypto.Signer, domain, state string) (string, error) {
	t.Helper()
	s := NewSealer(Seal{Domain: domain, Selector: "k", Key: key, Results: "mx." + domain + ";\r\n\tspf=pass smtp.mailfrom=far.test;\r\n\tarc=" + state,
		Chain: state, Fields: []string{"From", "To", "Subject", "DKIM-Signature"}, Time: time.Now()})
	for b := []byte(msg); len(b) > 0; b = b[min(7, len(b)):] {
		s.Write(b[:min(7, len(b))])
	}
	set, err := s.Set()
	return string(set), err
}

// everybody has the same key.
func everybody(key crypto.Signer) Lookup {
	return func(string, string) (Key, error) { return Key{key.Public()}, nil }
}

func validated(t testing.TB, msg string, lookup Lookup) Chain {
	t.Helper()
	c, err := Validate(message.ParseHeader([]byte(msg)), strings.NewReader(msg), lookup)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestChainOfHops(t *testing.T) {
	for _, key := range []crypto.Signer{edKey, rsa2048} {
		if c := validated(t, letter, everybody(key)); c != (Chain{Status: ChainNone}) {
			t.Errorf("without sets: %+v", c)
		}
		for _, hops := range []int{1, 2, 3, 7} {
			msg := forwarded(t, letter, key, hops, func(hop int, msg string) string {
				return fmt.Sprintf("Delivered-To: hop%d\r\n%s", hop, strings.Replace(msg, "Subject : ", "Subject : [list] ", 1))
			})
			if c := validated(t, msg, everybody(key)); c.Status != ChainPass || c.Sets != hops || c.Sealer != fmt.Sprintf("hop%d.test", hops) {
				t.Errorf("%T, %d hops: %+v", key, hops, c)
			}
			if !strings.HasSuffix(msg, "\r\n\r\nHello\r\n") {
				t.Errorf("the message was changed:\n%s", msg)
			}
		}
	}
}

func TestChainsThatFail(t *testing.T) {
	good := forwarded(t, letter, edKey, 3, nil)
	other := func(domain, selector string) (Key, error) {
		if domain == "hop2.test" {
			return Key{}, errNoKey
		}
		return Key{edKey.Public()}, nil
	}
	for what, c := range map[string]struct {
		msg    string
		lookup Lookup
	}{
		"body changed":          {strings.Replace(good, "Hello", "Hallo", 1), nil},
		"subject changed":       {strings.Replace(good, "Subject : hi", "Subject : ho", 1), nil},
		"results changed":       {strings.Replace(good, "spf=pass", "spf=fail", 1), nil},
		"old results changed":   {replaceLast(good, "spf=pass", "spf=fail"), nil},
		"a key is gone":         {good, other},
		"a set is missing":      {without(good, "i=2;"), nil},
		"the newest is missing": {without(good, "ARC-Seal: i=3;"), nil},
		"a field twice":         {"ARC-Seal: i=3; cv=pass\r\n" + good, nil},
		"a number too high":     {"ARC-Seal: i=51; cv=pass\r\n" + good, nil},
		"no number":             {"ARC-Seal: cv=pass\r\n" + good, nil},
		"it says that it broke": {strings.Replace(good, "cv=pass", "cv=fail", 1), nil},
		"the first says pass":   {strings.Replace(good, "cv=none", "cv=pass", 1), nil},
		"a seal with h=":        {strings.Replace(good, "ARC-Seal: i=3;", "ARC-Seal: i=3; h=from;", 1), nil},
	} {
		if c.lookup == nil {
			c.lookup = everybody(edKey)
		}
		if c.msg == good && what != "a key is gone" {
			t.Fatalf("%s: nothing was changed", what)
		}
		if got := validated(t, c.msg, c.lookup); got.Status != ChainFail || got.Reason == "" {
			t.Errorf("%s: %+v", what, got)
		}
	}
	silent := func(string, string) (Key, error) { return Key{}, fmt.Errorf("timeout: %w", ErrNoAnswer) }
	if _, err := Validate(message.ParseHeader([]byte(good)), strings.NewReader(good), silent); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("without an answer: %v", err)
	}
}

func replaceLast(s, old, new string) string {
	i := strings.LastIndex(s, old)
	return s[:i] + new + s[i+len(old):]
}

// without drops the ARC fields that have a text in their first line.
func without(msg, text string) string {
	var out strings.Builder
	for _, f := range message.ParseHeader([]byte(msg)).Fields() {
		if first, _, _ := strings.Cut(string(f.Raw), "\n"); !strings.HasPrefix(first, "ARC-") || !strings.Contains(first, text) {
			out.Write(f.Raw)
		}
	}
	return out.String() + "\r\nHello\r\n"
}

// A sealer vouches for what came whole, marks what came broken once, and leaves
// alone what it cannot speak for.
func TestSealer(t *testing.T) {
	good := forwarded(t, letter, edKey, 1, nil)
	broken := strings.Replace(good, "spf=pass", "spf=fail", 1)
	set, err := sealOf(t, broken, edKey, "hop2.test", ChainFail)
	if err != nil || !strings.Contains(set, "cv=fail") {
		t.Errorf("%v %s", err, set)
	}
	if c := validated(t, set+broken, everybody(edKey)); c.Status != ChainFail {
		t.Errorf("a broken chain, marked: %+v", c)
	}
	for what, c := range map[string]struct{ msg, state string }{
		"a chain that is marked as broken": {set + broken, ChainFail},
		"a chain that nobody has seen":     {good, ChainNone},
		"no chain where one was":           {letter, ChainPass},
		"a set that is not whole":          {without(good, "ARC-Seal"), ChainPass},
		"fifty sets":                       {forwarded(t, letter, edKey, 50, nil), ChainPass},
		"no end of the header":             {"From: a@b\r\n", ChainNone},
		"a header without bounds":          {"X: " + strings.Repeat("x", 2<<20) + "\r\n\r\n", ChainNone},
	} {
		if set, err := sealOf(t, c.msg, edKey, "x.test", c.state); !errors.Is(err, ErrNotSealed) {
			t.Errorf("%s: %v %s", what, err, set)
		}
	}
	for line := range strings.SplitSeq(forwarded(t, letter, rsa2048, 1, nil), "\r\n") {
		if len(line) > 100 {
			t.Errorf("a line of %d octets: %s", len(line), line)
		}
	}
}

func TestValidateTellsOfItsReader(t *testing.T) {
	msg := forwarded(t, letter, edKey, 1, nil)
	fault := errors.New("disk")
	if _, err := Validate(message.ParseHeader([]byte(msg)), faulty{fault}, everybody(edKey)); !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
}

type faulty struct{ error }

func (f faulty) Read([]byte) (int, error) { return 0, f.error }

// Whatever a chain looks like, it does not pass unless it is one we sealed.
func FuzzValidate(f *testing.F) {
	good := forwarded(f, letter, edKey, 2, nil)
	f.Add([]byte(good))
	f.Add([]byte(strings.Replace(good, "i=2", "i=3", -1)))
	f.Add([]byte("ARC-Seal: i=1\r\nARC-Message-Signature: i=1\r\nARC-Authentication-Results: i=1\r\n\r\n"))
	canonical := func(b []byte) string {
		var out []byte
		for _, field := range message.ParseHeader(b).Fields() {
			switch strings.ToLower(field.Name) {
			case "from", "to", "subject", "arc-seal", "arc-message-signature", "arc-authentication-results":
				out = append(out, relaxed.field(field.Raw)...)
			}
		}
		return string(out)
	}
	want := canonical([]byte(good))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Validate(message.ParseHeader(b), bytes.NewReader(b), everybody(edKey))
		if err != nil {
			t.Fatal(err)
		}
		if c.Status == ChainPass && (c.Sets < 1 || c.Sets > 2 || !strings.Contains(want, canonical(b)) && len(canonical(b)) >= len(want)) {
			t.Errorf("%+v of\n%s", c, b)
		}
	})
}
