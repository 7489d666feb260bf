package message

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMessageIDs(t *testing.T) {
	for in, want := range map[string][]string{
		"<1@a.example>":          {"1@a.example"},
		"<1@a> <2@a>\r\n\t<3@a>": {"1@a", "2@a", "3@a"},
		"<1@a><2@a>":             {"1@a", "2@a"},
		"Your message of Tuesday <1@a> (and <no>)": {"1@a"},
		"< 1@a\r\n .example>":                      {"1@a.example"},
		`<"a b"@c> <"x"@c>`:                        {"a b@c", "x@c"},
		"<1(comment > here)@a>":                    {"1@a"},
		"<1@a <2@b>":                               {"2@b"},
		"<no at sign> <@b> <a@> <> 3@c":            nil,
		"<1@a":                                     nil,
		`<"unended@a> <2@a>`:                       nil,
		"":                                         nil,
		"<KeepsCase@A.Example> <keepscase@a.example>": {"KeepsCase@A.Example", "keepscase@a.example"},
	} {
		if got := MessageIDs(in); !slices.Equal(got, want) {
			t.Errorf("MessageIDs(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMessageIDsKeepsTheFirstAndTheNewest(t *testing.T) {
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, "<%d@a> ", i)
	}
	got := MessageIDs(b.String())
	if len(got) != maxIDs || got[0] != "0@a" || got[1] != "9901@a" || got[maxIDs-1] != "9999@a" {
		t.Errorf("%d ids: %q ... %q", len(got), got[:2], got[len(got)-1])
	}
}

func TestMessageIDsIsLinear(t *testing.T) {
	took := func(s string) time.Duration {
		best := time.Hour
		for range 5 {
			start := time.Now()
			MessageIDs(s)
			best = min(best, time.Since(start))
		}
		return best
	}
	for _, s := range []string{"<", "<a@b", "<\"", "<(", "<a@b>", "< ", "<a@b ("} {
		short, long := took(strings.Repeat(s, maxField/4/len(s))), took(strings.Repeat(s, maxField/len(s)))
		if long > 10*(short+2*time.Millisecond) {
			t.Errorf("%q repeated: %v, and %v for a quarter", s, long, short)
		}
	}
}

func FuzzMessageIDs(f *testing.F) {
	f.Add("<1@a> <\"b c\"@d(x)> <")
	f.Fuzz(func(t *testing.T, s string) {
		ids := MessageIDs(s)
		if len(ids) > maxIDs {
			t.Fatalf("%d ids", len(ids))
		}
		for _, id := range ids {
			if at := strings.LastIndexByte(id, '@'); at <= 0 || at == len(id)-1 {
				t.Fatalf("%q is no id", id)
			}
		}
	})
}

func TestSentDate(t *testing.T) {
	for in, want := range map[string]string{
		"Sun, 22 Nov 2026 18:28:22 +0100": "2026-11-22T17:28:22Z",
		"Sun, 22 Nov 2026 25:28:22 +0100": "2026-11-22T00:00:00Z",
		"22 Nov 2026 18:77 +0100":         "2026-11-22T00:00:00Z",
		"22 Nov 2026 18:28:22 +9900":      "2026-11-22T18:28:22Z",
		"22 Nov 2026":                     "2026-11-22T00:00:00Z",
		"31 Nov 2026 10:00:00 +0000":      "",
		"yesterday":                       "",
		"":                                "",
	} {
		got := ""
		if d, ok := SentDate(in); ok {
			got = d.UTC().Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("SentDate(%q) = %s, want %s", in, got, want)
		}
	}
}
