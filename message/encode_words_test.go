package message

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// A long subject in any script begins on the line of its name, in the encoding
// that is shorter, and comes back as it was.
func TestEncodedSubject(t *testing.T) {
	for _, tt := range []struct{ subject, encoding string }{
		{"Zustellung verzögert: bob@away.test", "q"},
		{"配信できませんでした：bob@away.test", "b"},
		{strings.Repeat("配信できませんでした：bob@away.test ", 20) + ".", "b"},
		{strings.Repeat("Доставка не удалась ", 10) + ".", "b"},
		{strings.Repeat("Grüße_und noch so viel mehr = wenig? Und so geht es dann immer weiter ", 10) + ".", "q"},
		{strings.Repeat("ü", 300), "b"},
		{strings.Repeat("\U0001F600", 100), "b"},
		{strings.Repeat("x", 200) + "ü", "q"},
	} {
		for _, name := range []string{"Subject", "X", "X-A-Name-That-Is-Long", strings.Repeat("X", 60)} {
			var c Composer
			c.Field(name, tt.subject)
			field := string(c.Bytes())
			first, rest, _ := strings.Cut(field, "\r\n")
			if want := name + ": =?utf-8?" + tt.encoding + "?"; !strings.HasPrefix(field, want) && len(name) < 40 {
				t.Errorf("%q does not begin with %q", first, want)
			}
			if strings.Contains(rest, ": ") || len(first) > maxLine {
				t.Errorf("field %q", field)
			}
			for word := range strings.FieldsSeq(strings.TrimPrefix(field, name+":")) {
				checkWord(t, word, tt.encoding)
			}
			if got := DecodeWords(ParseHeader([]byte(field)).Get(name)); got != tt.subject {
				t.Errorf("%q came back as %q", tt.subject, got)
			}
		}
	}
}

// checkWord: every encoded word is short enough and stands for itself (RFC 2047
// §2 and §5).
func checkWord(t *testing.T, word, encoding string) {
	t.Helper()
	w, n := parseWord(word)
	if n != len(word) || n > maxWord {
		t.Errorf("word %q of %d octets", word, len(word))
	}
	if !utf8.Valid(w.octets) {
		t.Errorf("a character was cut in %q", word)
	}
	if !strings.HasPrefix(word, "=?utf-8?"+encoding+"?") {
		t.Errorf("word %q is not in %s", word, encoding)
	}
}

// A long name of an address begins on the line of its field, too.
func TestEncodedName(t *testing.T) {
	long := strings.Repeat("メール配送", 10)
	var c Composer
	c.Addresses("From", Address{Name: long, Mailbox: "a", Host: "b.example"}, Address{Name: long, Mailbox: "c", Host: "d.example"})
	field := string(c.Bytes())
	if !strings.HasPrefix(field, "From: =?utf-8?b?") {
		t.Errorf("field %q", field)
	}
	list := ParseAddresses(ParseHeader([]byte(field)).Get("From"))
	if len(list) != 2 || DecodeWords(list[0].Name) != long || DecodeWords(list[1].Name) != long {
		t.Errorf("came back as %s", showAddresses(list))
	}
}
