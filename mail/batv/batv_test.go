package batv

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
)

var now = time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)

// keys are many, told apart by who has them.
func keys(owner string) Tagger {
	return Tagger{Key: func(n int64) ([]byte, error) { return fmt.Appendf(nil, "%s %d", owner, n), nil }}
}

var ours, theirs = keys("ours"), keys("theirs")

func path(t testing.TB, s string) mail.Path {
	t.Helper()
	p, err := mail.ParsePath(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return p
}

func tag(t testing.TB, s string, when time.Time) mail.Path {
	t.Helper()
	p, err := ours.Tag(path(t, s), when)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestThereAndBack(t *testing.T) {
	for _, sender := range []string{"alice@here.test", "Alice.B+news@Here.Test", `"a b"@here.test`, `"a\"b"@here.test`, "a=b=c@here.test", "grüße@für.test", "prvs@here.test"} {
		from := path(t, sender)
		p := tag(t, sender, now)
		// 2024-02-03 is day 19756; key 219 makes its tags, which expire on day 19764.
		if !strings.HasPrefix(p.Local, "prvs=9764") || p.Domain != from.Domain || !Is(p) || Fits(p) {
			t.Errorf("%s goes as %s", sender, p)
		}
		for what, p := range map[string]mail.Path{
			"as it was":          path(t, p.String()),
			"in small letters":   {Local: strings.ToLower(p.Local), Domain: p.Domain},
			"in capital letters": {Local: strings.ToUpper(p.Local), Domain: strings.ToUpper(p.Domain)},
		} {
			back, err := ours.Untag(p, now.AddDate(0, 0, 7))
			if err != nil || back.Key() != from.Key() || what == "as it was" && back != from {
				t.Errorf("%s comes back %s as %s, %v", sender, what, back, err)
			}
			if back, err := theirs.Untag(p, now); !errors.Is(err, ErrMAC) || back.Key() != from.Key() {
				t.Errorf("%s with another's key: %s, %v", sender, back, err)
			}
		}
	}
}

// A tag is good from the day it was made to the eighth after it, whichever days
// of the century and of the life of a key those are.
func TestAge(t *testing.T) {
	for start := range 1200 {
		made := now.AddDate(0, 0, start)
		p := tag(t, "alice@here.test", made)
		for age, want := range map[int]error{0: nil, 1: nil, 8: nil, -1: nil, 9: ErrExpired, 30: ErrExpired, -2: ErrExpired, 500: ErrExpired, 990: ErrExpired} {
			if _, err := ours.Untag(p, made.AddDate(0, 0, age)); !errors.Is(err, want) {
				t.Fatalf("made on %v, after %d days: %v", made, age, err)
			}
		}
		// The day comes again after a thousand, its key does not.
		if _, err := ours.Untag(p, made.AddDate(0, 0, days)); !errors.Is(err, ErrMAC) {
			t.Fatalf("made on %v, after %d days: %v", made, days, err)
		}
	}
}

func TestWhatIsNoTag(t *testing.T) {
	good := tag(t, "alice@here.test", now).Local
	for local, want := range map[string]error{
		"alice":                                  ErrForm,
		"prvs=":                                  ErrForm,
		"prvs=alice":                             ErrForm,
		good[:len("prvs=9764abcdef=")]:           ErrForm, // of nobody
		strings.Replace(good, "prvs=", "mt=", 1): ErrForm,
		strings.Replace(good, "prvs=9", "prvs=a", 1): ErrForm,
		strings.Replace(good, "=alice", "-alice", 1): ErrForm,
		good[:13] + "gg" + good[15:]:                 ErrForm,
		strings.Replace(good, "alice", "eve", 1):     ErrMAC,
		strings.Replace(good, "=9764", "=9763", 1):   ErrMAC,
		strings.Replace(good, "=9764", "=8764", 1):   ErrMAC,
		strings.Replace(good, "=9764", "=9755", 1):   ErrExpired,
		strings.Replace(good, "=9764", "=9766", 1):   ErrExpired,
	} {
		p := mail.Path{Local: local, Domain: "here.test"}
		back, err := ours.Untag(p, now)
		if !errors.Is(err, want) || errors.Is(want, ErrForm) && back != p {
			t.Errorf("%s: %s, %v", local, back, err)
		}
	}
	if _, err := ours.Untag(mail.Path{Local: good, Domain: "there.test"}, now); !errors.Is(err, ErrMAC) {
		t.Errorf("at another domain: %v", err)
	}
}

func TestWhoGoesWithoutATag(t *testing.T) {
	for _, p := range []mail.Path{{}, {Local: "postmaster"}, {Local: strings.Repeat("a", 49), Domain: "here.test"}, tag(t, "alice@here.test", now)} {
		if got, err := ours.Tag(p, now); got != p || err != nil || Fits(p) {
			t.Errorf("%s goes as %s, %v", p, got, err)
		}
	}
	if p := (mail.Path{Local: strings.Repeat("a", 48), Domain: "here.test"}); len(tag(t, p.String(), now).Local) != maxLocal {
		t.Error("one that fits does not")
	}
}

func TestKeyThatCannotBeHad(t *testing.T) {
	down := errors.New("the disk is on fire")
	p := tag(t, "alice@here.test", now)
	broken := Tagger{Key: func(int64) ([]byte, error) { return nil, down }}
	if _, err := broken.Tag(path(t, "alice@here.test"), now); !errors.Is(err, down) {
		t.Errorf("Tag: %v", err)
	}
	if _, err := broken.Untag(p, now); !errors.Is(err, down) {
		t.Errorf("Untag: %v", err)
	}
}

// What is good was made here: it is what Tag makes of the plain address on one of
// the last days.
func FuzzUntag(f *testing.F) {
	f.Add(tag(f, "alice@here.test", now).Local)
	f.Add("prvs=9764abcdef=alice")
	f.Add("PRVS=0000000000==")
	f.Fuzz(func(t *testing.T, local string) {
		p := mail.Path{Local: local, Domain: "here.test"}
		plain, err := ours.Untag(p, now)
		if errors.Is(err, ErrForm) != !Is(p) || errors.Is(err, ErrForm) && plain != p || !strings.HasSuffix(local, plain.Local) {
			t.Fatalf("%q: %+v, %v", local, plain, err)
		}
		if err != nil || !Fits(plain) {
			return
		}
		for age := -maxSkew; age <= validity; age++ {
			if made, err := ours.Tag(plain, now.AddDate(0, 0, -age)); err == nil && strings.EqualFold(made.Local, local) {
				return
			}
		}
		t.Errorf("%q is good and was not made here", local)
	})
}
