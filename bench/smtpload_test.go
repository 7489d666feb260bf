package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

func TestParseLoad(t *testing.T) {
	for name, want := range map[string]smtpLoad{
		"smtp1":                         {conns: 1, size: 4 << 10, recipients: 1, n: 500},
		"connect16":                     {conns: 16, size: 4 << 10, recipients: 1, connect: true, n: 1500},
		"smtp64-5m":                     {conns: 64, size: 5 << 20, recipients: 1, n: 128},
		"smtp64-100k-10rcpt-tls-signed": {conns: 64, size: 100 << 10, recipients: 10, tls: true, signed: true, n: 200},
		"smtp16-connect-2k":             {conns: 16, size: 2 << 10, recipients: 1, connect: true, n: 1500},
	} {
		if got, err := parseLoad(name); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
	}
	for _, bad := range []string{"", "smtp", "smtp0", "imap1", "smtp1-", "smtp1-5", "smtp1-xk", "smtp1-17rcpt", "smtp1-plain"} {
		if l, err := parseLoad(bad); err == nil {
			t.Errorf("%q is %+v", bad, l)
		}
	}
}

// What is lost, doubled or astray is found.
func TestVerification(t *testing.T) {
	to := spread(2, 3) // 1: users 1 and 2, 2: 2 and 0, 3: 0 and 1
	good := func() tally {
		return tally{{2: 1, 3: 1}, {1: 1, 3: 1}, {1: 1, 2: 1}}
	}
	if err := good().judge(3, to); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(tally){
		"lost":          func(t tally) { delete(t[1], 3) },
		"all lost":      func(t tally) { clear(t[0]); clear(t[1]); clear(t[2]) },
		"doubled":       func(t tally) { t[2][1]++ },
		"astray":        func(t tally) { t[0][1]++ },
		"never sent":    func(t tally) { t[0][4]++ },
		"one to a user": func(t tally) { t[0][2], t[0][3] = 2, 0 },
	} {
		found := good()
		spoil(found)
		if found.judge(3, to) == nil {
			t.Errorf("%s: nothing is said of it", what)
		}
	}
	if got := to.counts(3, 3); got[0] != 2 || got[1] != 2 || got[2] != 2 {
		t.Errorf("counts are %v", got)
	}
	if once([]int{0, 1, 1}) != nil || once([]int{0, 1, 0}) == nil || once([]int{0, 2, 1}) == nil {
		t.Error("once is wrong")
	}
}

func TestStamped(t *testing.T) {
	m := newStamped(stranger, 4<<10).copy()
	for _, n := range []int64{1, 1234567890, 42} {
		all := string(bytes.Join(m.number(7, n), nil))
		found := benchID.FindStringSubmatch(all)
		if len(all) != 4<<10 || !strings.HasSuffix(all, "\r\n") || strings.Contains(all, "\r\n.") || found == nil ||
			strings.TrimLeft(found[1], "0") != "7" || stampedNumber([]byte(found[0])) != int(n) {
			t.Errorf("message %d has %d octets: %.400s", n, len(all), all)
		}
	}
}

// A signed message is what its signature says, whatever its number.
func TestSigned(t *testing.T) {
	m, err := signedMessage(4 << 10)
	if err != nil {
		t.Fatal(err)
	}
	zones, err := signerZones()
	if err != nil {
		t.Fatal(err)
	}
	for n := range int64(3) {
		all := bytes.Join(m.number(1, n), nil)
		found, err := dkim.VerifyWithOptions(bytes.NewReader(all), &dkim.VerifyOptions{
			LookupTXT: func(name string) ([]string, error) { return zones[name].TXT, nil }})
		if err != nil || len(found) != 1 || found[0].Err != nil || found[0].Domain != signerDomain {
			t.Fatalf("message %d: %+v, %v", n, found, err)
		}
	}
}
