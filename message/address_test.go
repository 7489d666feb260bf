package message

import (
	"fmt"
	"strings"
	"testing"
)

func showAddresses(list []Address) string {
	var all []string
	for _, a := range list {
		s := fmt.Sprintf("%s|%s|%s|%s", a.Name, a.Route, a.Mailbox, a.Host)
		if a.Group {
			s = "<" + a.Mailbox + ">"
		}
		all = append(all, s)
	}
	return strings.Join(all, " ; ")
}

func TestParseAddresses(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{" , ,", ""},
		{"a@b", "||a|b"},
		{"<a@b>", "||a|b"},
		{"A B <a@b>", "A B||a|b"},
		{"\"A, \\\"B\\\"\" <a@b>", "A, \"B\"||a|b"},
		{"a@b (Ann (x) Lee)", "Ann (x) Lee||a|b"},
		{"A.B. Cee <a@b>", "A.B. Cee||a|b"},
		{"\"a b\"@c", "||a b|c"},
		{"\"a\".b@c", "||a.b|c"},
		{"a . b @ c . d", "||a.b|c.d"},
		{"<@x,@y:a@b>", "|@x,@y|a|b"},
		{"a@b, c@d", "||a|b ; ||c|d"},
		{"a@b; c@d", "||a|b ; ||c|d"},
		{"G: a@b, \"C\" <c@d>;, e@f", "<G> ; ||a|b ; C||c|d ; <> ; ||e|f"},
		{"undisclosed-recipients:;", "<undisclosed-recipients> ; <>"},
		{"G: a@b", "<G> ; ||a|b ; <>"},
		{"root", "||root|"},
		{"John Smith", "||John Smith|"},
		{"John Smith john@x", "John Smith||john|x"},
		{"<>", "|||"},
		{"A <a@b", "A||a|b"},
		{"A <a@b> <c@d>", "A||a|b"},
		{"a@[127.0.0.1]", "||a|[127.0.0.1]"},
		{"a@[IPv6:::1]", "||a|[IPv6:::1]"},
		{"a@b@c", "||a@b|c"},
		{"=?utf-8?q?=C3=BC?= <a@b>", "=?utf-8?q?=C3=BC?=||a|b"},
		{"grüße@b", "||grüße|b"},
		{"\"open <a@b>, c@d", "||open <a@b>, c@d|"},
		{"(only a comment)", ""},
		{"\"\" <a@b>", "||a|b"},
		{") <a@b>) > ]", ") ) > ]||a|b"},
		{"<)a@b)>", "||)a|b)"},
	}
	for _, tt := range tests {
		if got := showAddresses(ParseAddresses(tt.in)); got != tt.want {
			t.Errorf("%q\ngot  %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

func FuzzParseAddresses(f *testing.F) {
	f.Add("G: a@b, \"C\" <@x:c@d>;, (e) f . g @ h")
	f.Fuzz(func(t *testing.T, s string) {
		open, total := 0, 0
		for _, a := range ParseAddresses(s) {
			total += len(a.Name) + len(a.Route) + len(a.Mailbox) + len(a.Host)
			if a.Group && open == 0 {
				open++
			} else if a.Group {
				open--
			}
		}
		if open != 0 {
			t.Fatal("a group is open at the end")
		}
		if total > 2*len(s) { // each octet once, and a space between words
			t.Fatalf("%d octets from %d", total, len(s))
		}
	})
}

// What Address writes, ParseAddresses reads.
func FuzzAddressString(f *testing.F) {
	f.Add("A, B", "a b", "c.d")
	f.Add("=?x", "", "d")
	f.Fuzz(func(t *testing.T, name, mailbox, host string) {
		if host = strings.Trim(cleanLine(host), ". "); strings.ContainsAny(host, " ()<>[]:;@\\,\"") || host == "" || mailbox == "" {
			t.Skip()
		}
		a := Address{Name: name, Mailbox: mailbox, Host: host}
		got := ParseAddresses(a.String())
		if len(got) != 1 || got[0].Mailbox != cleanLine(mailbox) || got[0].Host != host {
			t.Fatalf("%q read as %s", a.String(), showAddresses(got))
		}
		if want := cleanLine(name); DecodeWords(got[0].Name) != want && !strings.Contains(want, "=?") {
			t.Fatalf("%q: name %q, want %q", a.String(), DecodeWords(got[0].Name), want)
		}
	})
}
