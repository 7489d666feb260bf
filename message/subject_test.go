package message

import (
	"strings"
	"testing"
	"time"
)

func TestBaseSubject(t *testing.T) {
	tests := []struct {
		in, want string
		reply    bool
	}{
		{"hello", "hello", false},
		{" a \t b ", "a b", false},
		{"Re: hello", "hello", true},
		{"RE :hello", "hello", true},
		{"Re[2]: hello", "hello", true},
		{"re: Fwd: FW: hello", "hello", true},
		{"[list] hello", "hello", false},
		{"[list] Re: [list] hello", "hello", true},
		{"Re: [list] hello (fwd) (FWD)", "hello", true},
		{"[fwd: hello]", "hello", true},
		{"[fwd: Re: [x] hello (fwd)]", "hello", true},
		{"[list]", "[list]", false},
		{"[a] [b]", "[b]", false},
		{"Re:", "", true},
		{"regarding: x", "regarding: x", false},
		{"refwd: x", "refwd: x", false},
		{"[a[b]] x", "[a[b]] x", false},
		{"(fwd)", "", true},
		{"", "", false},
	}
	for _, tt := range tests {
		got, reply := BaseSubject(tt.in)
		if got != tt.want || reply != tt.reply {
			t.Errorf("BaseSubject(%q) = %q, %v; want %q, %v", tt.in, got, reply, tt.want, tt.reply)
		}
	}
}

func FuzzBaseSubject(f *testing.F) {
	f.Add("Re: [a] [fwd: re[1]: x (fwd)]")
	f.Fuzz(func(t *testing.T, s string) {
		base, _ := BaseSubject(s)
		if again, reply := BaseSubject(base); again != base || reply {
			t.Fatalf("base %q has a base %q", base, again)
		}
	})
}

func TestBaseSubjectIsLinear(t *testing.T) {
	took := func(s string) time.Duration {
		best := time.Hour
		for range 5 {
			start := time.Now()
			BaseSubject(s + "x")
			BaseSubject("x" + s)
			best = min(best, time.Since(start))
		}
		return best
	}
	for _, s := range []string{"[a]", "re: ", "[fwd: ", "(fwd)", "re[a]", "["} {
		short, long := took(strings.Repeat(s, maxField/4/len(s))), took(strings.Repeat(s, maxField/len(s)))
		if long > 10*(short+2*time.Millisecond) {
			t.Errorf("%q repeated: %v, and %v for a quarter", s, long, short)
		}
	}
}

func TestParseDate(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Sun, 22 Nov 2026 18:28:22 +0100", "2026-11-22T18:28:22+01:00"},
		{"22 Nov 2026 18:28 +0000", "2026-11-22T18:28:00Z"},
		{"Sun, 22 Nov 2026 18:28:22 +0100 (CET)", "2026-11-22T18:28:22+01:00"},
		{"Sun,22 Nov 2026 18:28:22 -0530", "2026-11-22T18:28:22-05:30"},
		{"1 Jan 98 00:00 EST", "1998-01-01T00:00:00-05:00"},
		{"1 Jan 26 00:00 UT", "2026-01-01T00:00:00Z"},
		{"1 Jan 126 00:00 Z", "2026-01-01T00:00:00Z"},
		{"Sun Nov 22 18:28:22 2026", "2026-11-22T18:28:22Z"},
		{"Sun Nov 22 18:28:22 PDT 2026", "2026-11-22T18:28:22-07:00"},
		{"2026-11-22T18:28:22Z", "2026-11-22T18:28:22Z"},
		{"2026-11-22T18:28:22.5+01:00", "2026-11-22T18:28:22+01:00"},
		{"2026-11-22 18:28:22", "2026-11-22T18:28:22Z"},
		{"22-Nov-2026 18:28:22 +0200", "2026-11-22T18:28:22+02:00"},
		{"Sun, 22 November 2026", "2026-11-22T00:00:00Z"},
		{"Tue, 30 Jun 2015 23:59:60 +0000", "2015-06-30T23:59:59Z"},
		{"Fri, 1 Mar 2024 10:00:00 Somewhere", "2024-03-01T10:00:00Z"},
		{"", ""}, {"never", ""}, {"31 Jun 2026 10:00 +0000", ""}, {"0 Jan 2026", ""}, {"1 Jan", ""}, {"1 Jan 2026 25:00", ""}, {"(", ""}, {"-- --", ""},
	}
	for _, tt := range tests {
		got := ""
		if d, ok := ParseDate(tt.in); ok {
			got = d.Format(time.RFC3339)
		}
		if got != tt.want {
			t.Errorf("ParseDate(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	f.Add("Sun, 22 Nov 2026 18:28:22 +0100 (CET)")
	f.Add("2026-11-22T18:28:22.5+01:00")
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := ParseDate(s)
		if !ok {
			return
		}
		again, ok := ParseDate(d.Format(DateFormat))
		if !ok || !again.Equal(d) {
			t.Fatalf("%q is %v; written and read again %v", s, d, again)
		}
	})
}
