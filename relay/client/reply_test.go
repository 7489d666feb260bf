package client

import (
	"bufio"
	"strings"
	"testing"
	"unicode/utf8"

	"posthorn/mail"
)

func TestReadReply(t *testing.T) {
	tests := []struct {
		name, in string
		want     mail.Reply
	}{
		{"plain", "250 Ok\r\n", mail.Reply{Code: 250, Text: "Ok"}},
		{"code alone", "250\r\n", mail.Reply{Code: 250}},
		{"enhanced", "550 5.1.1 No such user\r\n", mail.Reply{Code: 550, X: mail.EnhancedCode{5, 1, 1}, Text: "No such user"}},
		{"enhanced on each line", "550-5.7.1 a\r\n550 5.7.1 b\r\n", mail.Reply{Code: 550, X: mail.EnhancedCode{5, 7, 1}, Text: "a\nb"}},
		{"enhanced code of another class", "550 4.7.1 x\r\n", mail.Reply{Code: 550, X: mail.EnhancedCode{5, 7, 1}, Text: "4.7.1 x"}},
		{"a number that is no enhanced code", "550 5.1 x\r\n", mail.Reply{Code: 550, Text: "5.1 x"}},
		{"an IP address is no enhanced code", "550 5.6.7.8 x\r\n", mail.Reply{Code: 550, Text: "5.6.7.8 x"}},
		{"bare LF", "250-a\n250 b\n", mail.Reply{Code: 250, Text: "a\nb"}},
		{"codes that differ", "250-a\r\n550 b\r\n", mail.Reply{Code: 550, Text: "a\nb"}},
		{"control characters", "550 a\tb\x1b[31m\x00c\r\n", mail.Reply{Code: 550, Text: "a b [31m c"}},
		{"not UTF-8", "550 caf\xe9\r\n", mail.Reply{Code: 550, Text: "caf\uFFFD"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readReply(bufio.NewReader(strings.NewReader(tt.in)))
			if err != nil || got != tt.want {
				t.Errorf("got %#v, %v", got, err)
			}
		})
	}
	for _, in := range []string{"", "250", "25\r\n", "hello\r\n", "150 x\r\n", "650 x\r\n", "250x\r\n", "250-a\r\n", "2５0 x\r\n"} {
		if got, err := readReply(bufio.NewReader(strings.NewReader(in))); err == nil {
			t.Errorf("%q: got %#v, want an error", in, got)
		}
	}
}

// Whatever a server says, a reply has a code that decides, an enhanced code of
// its class, and a text that can be quoted anywhere.
func FuzzReadReply(f *testing.F) {
	for _, s := range []string{"250 Ok\r\n", "550-5.1.1 a\r\n550 5.1.1 b\n", "421 4.3.2\xff\x00\r\n", "220-\r\n220 x\r\n", "250 2.999.999 x\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := readReply(bufio.NewReader(strings.NewReader(string(in))))
		if err != nil {
			return
		}
		if r.Code < 200 || r.Code > 599 {
			t.Errorf("code %d", r.Code)
		}
		if r.X != (mail.EnhancedCode{}) && r.X[0] != r.Code/100 {
			t.Errorf("%v in a %d", r.X, r.Code)
		}
		if !utf8.ValidString(r.Text) || strings.ContainsFunc(r.Text, func(c rune) bool { return c < ' ' && c != '\n' }) || len(r.Text) > 2*maxKept {
			t.Errorf("text %q", r.Text)
		}
	})
}
