package mtasts_test

import (
	"strings"
	"testing"
	"time"

	"posthorn/relay/mtasts"
)

const example = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n"

func TestParse(t *testing.T) {
	tests := []struct {
		name, text, want string // modes, mx and seconds; "" for an error
	}{
		{"the RFC's own", example, "enforce mail.example.com *.example.net backupmx.example.com 168h0m0s"},
		{"LF, no space, no end", "version:STSv1\nmode:testing\nmx:MX.Example.com\nmax_age:0", "testing mx.example.com 0s"},
		{"another order, and fields nobody knows", "max_age: 60\nfuture: a: b\nmx: a.test\nmode: enforce\nversion: STSv1\n", "enforce a.test 1m0s"},
		{"the first of two", "version: STSv1\nmode: testing\nmode: enforce\nmx: a.test\nmax_age: 1\nmax_age: 2\n", "testing a.test 1s"},
		{"none needs no mx", "version: STSv1\nmode: none\nmax_age: 60\n", "none 1m0s"},
		{"longer than allowed", "version: STSv1\nmode: none\nmax_age: 9999999999\n", "none 8765h60m0s"},
		{"empty", "", ""},
		{"no version", "mode: enforce\nmx: a.test\nmax_age: 1\n", ""},
		{"another version", "version: STSv2\nmode: enforce\nmx: a.test\nmax_age: 1\n", ""},
		{"no mode", "version: STSv1\nmx: a.test\nmax_age: 1\n", ""},
		{"a mode nobody knows", "version: STSv1\nmode: Enforce\nmx: a.test\nmax_age: 1\n", ""},
		{"no mx", "version: STSv1\nmode: enforce\nmax_age: 1\n", ""},
		{"a star alone", "version: STSv1\nmode: enforce\nmx: *\nmax_age: 1\n", ""},
		{"a star in the middle", "version: STSv1\nmode: enforce\nmx: a.*.test\nmax_age: 1\n", ""},
		{"no max_age", "version: STSv1\nmode: enforce\nmx: a.test\n", ""},
		{"a negative max_age", "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: -1\n", ""},
		{"eleven digits", "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 00000000001\n", ""},
		{"a page of HTML", "<html><body>Not found</body></html>", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := mtasts.Parse(tt.text)
			if (err != nil) != (tt.want == "") {
				t.Fatalf("got %+v, %v", p, err)
			}
			got := strings.Join(append(append([]string{string(p.Mode)}, p.MX...), p.MaxAge.String()), " ")
			if err == nil && got != strings.Replace(tt.want, "8765h60m0s", mtasts.MaxAge.String(), 1) {
				t.Errorf("got %s", got)
			}
		})
	}
}

// RFC 8461 §4.1: a star stands for one label, the first.
func TestNames(t *testing.T) {
	p, err := mtasts.Parse(example)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{
		"mail.example.com": true, "MAIL.example.COM.": true, "a.example.net": true,
		"example.net": false, "a.b.example.net": false, ".example.net": false, "xmail.example.com": false, "mail.example.com.evil.test": false, "": false,
	} {
		if p.Names(host) != want {
			t.Errorf("%q: got %v", host, !want)
		}
	}
}

// RFC 8461 §3.1: exactly one record, well formed, or there is none.
func TestRecord(t *testing.T) {
	for _, tt := range []struct {
		texts []string
		want  string
	}{
		{[]string{"v=STSv1; id=20160831085700Z;"}, "20160831085700Z"},
		{[]string{"v=spf1 -all", "v=STSv1;id=1"}, "1"},
		{[]string{"v=STSv1 ; x=y ; id=a1 ; z=1"}, "a1"},
		{[]string{"v=STSv1; id=1", "v=STSv1; id=2"}, ""},
		{[]string{"v=STSv1; id=1", "v=STSv1; id=1"}, ""},
		{[]string{"v=STSv1;"}, ""},
		{[]string{"v=STSv1; id="}, ""},
		{[]string{"v=STSv1; id=a-b"}, ""},
		{[]string{"v=STSv1; id=" + strings.Repeat("1", 33)}, ""},
		{[]string{"v=STSv10; id=1"}, ""},
		{[]string{"V=STSv1; id=1"}, ""},
		{nil, ""},
	} {
		id, ok := mtasts.Record(tt.texts)
		if ok != (tt.want != "") || ok && id != tt.want {
			t.Errorf("%q: got %q, %v", tt.texts, id, ok)
		}
	}
}

// Whatever a web server gives, a policy that is taken can be enforced: it has a
// mode, a bounded age, and hosts that it names itself.
func FuzzParse(f *testing.F) {
	f.Add(example)
	f.Add("version: STSv1\nmode: none\nmax_age: 1")
	f.Add("mx: *.\nmx:*.*.a\n:\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := mtasts.Parse(text)
		if err != nil {
			return
		}
		if p.MaxAge < 0 || p.MaxAge > mtasts.MaxAge || p.MaxAge%time.Second != 0 {
			t.Errorf("max_age %v", p.MaxAge)
		}
		if len(p.MX) == 0 && p.Mode != mtasts.None {
			t.Error("no mx")
		}
		for _, mx := range p.MX {
			if host := strings.Replace(mx, "*.", "a.", 1); !p.Names(host) {
				t.Errorf("%q does not name %q", mx, host)
			}
			if rest, star := strings.CutPrefix(mx, "*."); strings.ContainsAny(rest, "* :\r\n") || star && p.Names("a.b."+rest) && !p.Names("b.a.b."+rest) && len(p.MX) == 1 {
				t.Errorf("pattern %q", mx)
			}
		}
	})
}
