package imapd

import (
	"strings"
	"testing"
	"time"
)

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "a/b/c", true},
		{"%", "a", true},
		{"%", "a/b", false},
		{"%/%", "a/b", true},
		{"a/%", "a/b/c", false},
		{"a*c", "a/b/c", true},
		{"a%c", "abc", true},
		{"a%c", "a/c", false},
		{"*%", "a/b", true},
		{"%*%", "a/b", true},
		{"a", "a/b", false},
		{"", "a", false},
		{"inbox", "INBOX", true},
		{"inbox/%", "INBOX/x", true},
		{"Inbox2", "INBOX2", false},
		{"Ä*", "Ärger", true}, // U+00C4 as A with a combining diaeresis
		{"*b*b*b", "abbb", true},
		{"*b*b*b", "abb", false},
	} {
		if got := match(pattern("", test.pattern), test.name); got != test.want {
			t.Errorf("%q matches %q: %v", test.pattern, test.name, got)
		}
	}
	if !match(pattern("a/", "%"), "a/b") {
		t.Error("a reference does not stand before its pattern")
	}
}

// A pattern made to be slow is not.
func TestMatchIsNotSlow(t *testing.T) {
	p := pattern("", strings.Repeat("*a", 500)+"b")
	start := time.Now()
	for range 3 {
		match(p, strings.Repeat("a", 1000))
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}
