package srs

import (
	"errors"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
)

var (
	ours   = Rewriter{Key: []byte("a key")}
	theirs = Rewriter{Key: []byte("another key")}
	now    = time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)
)

func path(t testing.TB, s string) mail.Path {
	t.Helper()
	p, err := mail.ParsePath(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return p
}

func TestThereAndBack(t *testing.T) {
	for _, sender := range []string{
		"alice@far.test", "Alice.B@Far.Test", `"a b"@far.test`, `"a\"b"@far.test`, "a=b=c@far.test", "grüße@für.test", "a@[192.0.2.1]",
		"prvs=1234abcdef=alice@far.test", "SRS@far.test", "SRS0@far.test", "srs2=x@far.test", "bounce+list=me=x.test@far.test",
	} {
		from := path(t, sender)
		p, ok := ours.Forward(from, "here.test", now)
		if !ok || p.Domain != "here.test" || !strings.HasPrefix(p.Local, "SRS0=") || !Is(p) {
			t.Errorf("%s goes as %s", sender, p)
		}
		for what, p := range map[string]mail.Path{
			"as it was":          path(t, p.String()),
			"in small letters":   {Local: strings.ToLower(p.Local), Domain: p.Domain},
			"in capital letters": {Local: strings.ToUpper(p.Local), Domain: p.Domain},
		} {
			back, err := ours.Reverse(p, now.AddDate(0, 0, 20))
			if err != nil || back.Key() != from.Key() || what == "as it was" && back != from {
				t.Errorf("%s comes back %s as %s, %v", sender, what, back, err)
			}
			if _, err := theirs.Reverse(p, now); !errors.Is(err, ErrHash) {
				t.Errorf("%s with another key: %v", sender, err)
			}
		}
	}
}

// Three forwarders, then the way back: from the last to the first.
func TestChain(t *testing.T) {
	from := path(t, "alice@far.test")
	one, _ := theirs.Forward(from, "one.test", now)
	two, _ := ours.Forward(one, "two.test", now)
	three, _ := Rewriter{Key: []byte("a third")}.Forward(two, "three.test", now)
	if !strings.HasPrefix(two.Local, "SRS1=") || !strings.Contains(two.Local, "=one.test==") || !strings.HasPrefix(three.Local, "SRS1=") || !strings.Contains(three.Local, "=one.test==") {
		t.Errorf("%s, then %s", two, three)
	}
	for p, r := range map[mail.Path]Rewriter{two: ours, three: {Key: []byte("a third")}} {
		back, err := r.Reverse(p, now.AddDate(0, 1, 0)) // it has no day: the first forwarder's does
		if err != nil || back != one {
			t.Errorf("%s comes back as %s, %v", p, back, err)
		}
		if back, err = theirs.Reverse(back, now); err != nil || back != from {
			t.Errorf("and on as %s, %v", back, err)
		}
	}
	// Libraries with another separator.
	p, _ := ours.Forward(path(t, "SRS0+AbCd=XY=far.test=alice@one.test"), "two.test", now)
	if back, err := ours.Reverse(p, now); err != nil || back.String() != "SRS0+AbCd=XY=far.test=alice@one.test" {
		t.Errorf("%s comes back as %s, %v", p, back, err)
	}
}

func TestAge(t *testing.T) {
	from := path(t, "alice@far.test")
	p, _ := ours.Forward(from, "here.test", now)
	for age, want := range map[int]error{0: nil, 21: nil, -1: nil, 22: ErrExpired, 100: ErrExpired, -2: ErrExpired, 1024: nil, 1023: nil, 1000: ErrExpired} {
		if _, err := ours.Reverse(p, now.AddDate(0, 0, age)); !errors.Is(err, want) {
			t.Errorf("after %d days: %v", age, err)
		}
	}
}

func TestWhatIsNotOurs(t *testing.T) {
	p, _ := ours.Forward(path(t, "alice@far.test"), "here.test", now)
	hash := p.Local[5:11]
	for local, want := range map[string]error{
		"alice":                             ErrForm,
		"SRS0=":                             ErrForm,
		"SRS0=x":                            ErrForm,
		"SRS0=" + hash:                      ErrForm,
		"SRS1=" + hash:                      ErrForm,
		"SRS1=a=b":                          ErrForm,
		"SRS0====":                          ErrHash,
		"SRS0=A=B=C=D":                      ErrHash,
		"SRS1=aaaaaa=far.test==hash=tt=x=y": ErrHash,
		strings.Replace(p.Local, "alice", "eve", 1):                                       ErrHash,
		strings.Replace(p.Local, "far.test", "bar.test", 1):                               ErrHash,
		strings.Replace(p.Local, "far.test=alice", "far.tes=talice", 1):                   ErrHash,
		strings.Replace(p.Local, hash, hash[:4], 1):                                       ErrHash, // no shorter than we make them
		"SRS0=" + hash + "=" + stamp(now.AddDate(0, 0, 5)) + p.Local[14:]:                 ErrHash,
		"SRS0=" + ours.hash("ZZZ", "far.test", "alice") + "=ZZZ=far.test=alice":           ErrExpired,
		"SRS0=" + ours.hash(stamp(now), "far.test", "") + "=" + stamp(now) + "=far.test=": ErrForm,
		"SRS0=" + ours.hash(stamp(now), "", "alice") + "=" + stamp(now) + "==alice":       ErrForm,
	} {
		if back, err := ours.Reverse(mail.Path{Local: local, Domain: "here.test"}, now); !errors.Is(err, want) {
			t.Errorf("%s: %s, %v", local, back, err)
		}
	}
}

func TestTooLong(t *testing.T) {
	if _, ok := ours.Forward(mail.Path{Local: strings.Repeat("a", 250), Domain: "far.test"}, "here.test", now); ok {
		t.Error("a local part of 270 octets is taken")
	}
}

// What is given back was given out here, and is an address.
func FuzzReverse(f *testing.F) {
	p, _ := ours.Forward(mail.Path{Local: "alice", Domain: "far.test"}, "here.test", now)
	f.Add(p.Local)
	f.Add("SRS1=abcdef=one.test==hhhh=tt=far.test=alice")
	f.Fuzz(func(t *testing.T, local string) {
		back, err := ours.Reverse(mail.Path{Local: local, Domain: "here.test"}, now)
		if err != nil {
			return
		}
		again, ok := ours.Forward(back, "here.test", now)
		if !ok || back.Domain == "" {
			t.Errorf("%q came back as %s", local, back)
		}
		if once, err := ours.Reverse(again, now); err != nil || once != back {
			t.Errorf("%s goes as %s, comes back as %s, %v", back, again, once, err)
		}
	})
}

// Any sender that a path can hold comes back.
func FuzzForward(f *testing.F) {
	f.Add("alice", "far.test")
	f.Add("SRS0=hhhh=tt=x.test=alice", "far.test")
	f.Add("SRS1=hhhh=x.test==hhhh=tt=y.test=alice", "far.test")
	f.Fuzz(func(t *testing.T, local, domain string) {
		from, err := mail.ParsePath(mail.Path{Local: local, Domain: domain}.String())
		if err != nil || from.Domain == "" || from.Local != local {
			return
		}
		p, ok := ours.Forward(from, "here.test", now)
		if !ok {
			return
		}
		back, err := ours.Reverse(p, now)
		switch {
		case strings.HasPrefix(p.Local, "SRS0="):
			if err != nil || back != from {
				t.Errorf("%s goes as %s, comes back as %s, %v", from, p, back, err)
			}
		case err == nil && !Is(back):
			t.Errorf("%s goes as %s, comes back as %s", from, p, back)
		}
	})
}
