package mail

import (
	"strings"
	"testing"
)

func TestParsePath(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     Path
		bad      bool
	}{
		{"is null when empty", "", Path{}, false},
		{"splits at the last @", "a@b.example", Path{"a", "b.example"}, false},
		{"unquotes a local part", `"a b"@c.example`, Path{"a b", "c.example"}, false},
		{"keeps a quoted @", `"a@b"@c.example`, Path{"a@b", "c.example"}, false},
		{"undoes quoted pairs", `"a\"b\\c"@d.example`, Path{`a"b\c`, "d.example"}, false},
		{"drops a source route", "@x.example,@y.example:a@b.example", Path{"a", "b.example"}, false},
		{"takes an address literal", "a@[192.0.2.1]", Path{"a", "[192.0.2.1]"}, false},
		{"takes an IPv6 literal", "a@[IPv6:2001:db8::1]", Path{"a", "[IPv6:2001:db8::1]"}, false},
		{"takes postmaster alone", "Postmaster", Path{"Postmaster", ""}, false},
		{"takes UTF-8", "jörg@münchen.example", Path{"jörg", "münchen.example"}, false},
		{"tolerates doubled dots", "a..b.@c.example", Path{"a..b.", "c.example"}, false},
		{"refuses another word alone", "root", Path{}, true},
		{"refuses a missing domain", "a@", Path{}, true},
		{"refuses an empty local part", "@b.example", Path{}, true},
		{"refuses a space outside quotes", "a b@c.example", Path{}, true},
		{"refuses an unended quote", `"a@b.example`, Path{}, true},
		{"refuses CR in quotes", "\"a\rb\"@c.example", Path{}, true},
		{"refuses CR after a backslash", "\"a\\\rb\"@c.example", Path{}, true},
		{"refuses an angle bracket", "a>b@c.example", Path{}, true},
		{"refuses an empty label", "a@b..c", Path{}, true},
		{"refuses a label that starts with a hyphen", "a@-b.example", Path{}, true},
		{"refuses invalid UTF-8", "a\xff@b.example", Path{}, true},
		{"refuses 400 octets", strings.Repeat("a", 400) + "@b.example", Path{}, true},
		{"refuses junk after a quoted local part", `"a"b@c.example`, Path{}, true},
	} {
		got, err := ParsePath(c.in)
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%s: ParsePath(%q) = %+v, %v", c.name, c.in, got, err)
		}
	}
}

func TestKeyIgnoresCaseAndForm(t *testing.T) {
	a, b := Path{"Jo\u0308RG", "B.Example."}.Key(), Path{"j\u00f6rg", "b.example"}.Key()
	if a != b {
		t.Errorf("%+v and %+v are the same address", a, b)
	}
}

// FuzzPath: what parses prints as something that parses to the same path, and
// no path prints an octet that could end it on the wire.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"a@b.c", `"a> SIZE=1 x"@b.c`, `"\\\""@[1.2.3.4]`, "postmaster", "@a:b@c.d", "ü@ö.ä"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePath(s)
		if err != nil {
			return
		}
		again, err := ParsePath(p.String())
		if err != nil || again != p {
			t.Fatalf("%q parses to %+v, which prints %q, which parses to %+v, %v", s, p, p.String(), again, err)
		}
		quoted := false
		for i := 0; i < len(p.String()); i++ {
			switch c := p.String()[i]; {
			case c == '\\' && quoted:
				i++
			case c == '"':
				quoted = !quoted
			case c == '\r' || c == '\n' || c == 0 || !quoted && (c == ' ' || c == '<' || c == '>'):
				t.Fatalf("%q prints %q, in which octet %d ends the path", s, p.String(), i)
			}
		}
	})
}
