package message

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// sexp is one value of IMAP's grammar: NIL, a string, a number or a list.
type sexp struct {
	nil_, number, list bool
	s                  string
	items              []sexp
}

// readSexp is a small strict reader of what we write. It knows nothing of mail.
func readSexp(b []byte) (v sexp, rest []byte, err error) {
	switch {
	case len(b) == 0:
		return v, nil, errors.New("ended early")
	case bytes.HasPrefix(b, []byte("NIL")):
		return sexp{nil_: true}, b[3:], nil
	case b[0] == '(':
		v.list = true
		b = b[1:]
		for {
			if len(b) > 0 && b[0] == ')' {
				return v, b[1:], nil
			}
			// Addresses and the parts of a multipart stand without spaces between.
			if n := len(v.items); n > 0 && !(v.items[n-1].list && len(b) > 0 && b[0] == '(') {
				if len(b) == 0 || b[0] != ' ' {
					return v, nil, fmt.Errorf("no space before %.20q", b)
				}
				b = b[1:]
			}
			var item sexp
			if item, b, err = readSexp(b); err != nil {
				return v, nil, err
			}
			v.items = append(v.items, item)
		}
	case b[0] == '"':
		for i := 1; i < len(b); i++ {
			switch c := b[i]; {
			case c == '"':
				return v, b[i+1:], nil
			case c == '\\':
				i++
				if i == len(b) || b[i] != '"' && b[i] != '\\' {
					return v, nil, errors.New("bad escape")
				}
			case c == 0 || c >= 0x80 || c == '\r' || c == '\n':
				return v, nil, fmt.Errorf("octet %#x in a quoted string", c)
			}
			v.s += string(b[i])
		}
		return v, nil, errors.New("open quote")
	case b[0] == '{':
		n, rest, ok := bytes.Cut(b[1:], []byte("}\r\n"))
		size, err := strconv.Atoi(string(n))
		if !ok || err != nil || size > len(rest) || bytes.IndexByte(rest[:size], 0) >= 0 {
			return v, nil, errors.New("bad literal")
		}
		return sexp{s: string(rest[:size])}, rest[size:], nil
	}
	n := 0
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	if n == 0 {
		return v, nil, fmt.Errorf("unexpected %.20q", b)
	}
	return sexp{number: true, s: string(b[:n])}, b[n:], nil
}

func isStr(v sexp) bool  { return !v.list && !v.number && !v.nil_ }
func isNStr(v sexp) bool { return v.nil_ || isStr(v) }

// checkEnvelope holds RFC 9051 §9's envelope.
func checkEnvelope(v sexp) error {
	if !v.list || len(v.items) != 10 {
		return fmt.Errorf("envelope of %d items", len(v.items))
	}
	for i, it := range v.items {
		if i < 2 || i > 7 {
			if !isNStr(it) {
				return fmt.Errorf("envelope item %d is no nstring", i)
			}
			continue
		}
		if it.nil_ {
			continue
		}
		for _, a := range it.items {
			if !a.list || len(a.items) != 4 || !isNStr(a.items[0]) || !isNStr(a.items[1]) || !isNStr(a.items[2]) || !isNStr(a.items[3]) {
				return fmt.Errorf("bad address in item %d", i)
			}
		}
		if !it.list || len(it.items) == 0 {
			return fmt.Errorf("item %d is an empty list", i)
		}
	}
	return nil
}

// checkBody holds RFC 9051 §9's body, with extension data or without.
func checkBody(v sexp, extended bool) error {
	if !v.list || len(v.items) == 0 {
		return errors.New("body is no list")
	}
	it := v.items
	if it[0].list {
		n := 0
		for n < len(it) && it[n].list && (n == 0 || isBody(it[n])) {
			if err := checkBody(it[n], extended); err != nil {
				return err
			}
			n++
		}
		want := n + 1
		if extended {
			want += 4
		}
		if len(it) != want || !isStr(it[n]) {
			return fmt.Errorf("multipart of %d parts has %d items", n, len(it))
		}
		return nil
	}
	want := 7
	if !isStr(it[0]) || len(it) < want || !isStr(it[1]) || !isStr(it[5]) || !it[6].number {
		return fmt.Errorf("bad basic fields %v", it)
	}
	switch {
	case it[0].s == "message" && (it[1].s == "rfc822" || it[1].s == "global"):
		want = 10
		if len(it) < want {
			return errors.New("short message body")
		}
		if err := checkEnvelope(it[7]); err != nil {
			return err
		}
		if err := checkBody(it[8], extended); err != nil {
			return err
		}
	case it[0].s == "text":
		want = 8
	}
	if want > 7 && !it[want-1].number {
		return errors.New("no line count")
	}
	if extended {
		want += 4
	}
	if len(it) != want {
		return fmt.Errorf("%s/%s has %d items, want %d", it[0].s, it[1].s, len(it), want)
	}
	return nil
}

func isBody(v sexp) bool { return v.list && len(v.items) > 0 }

func checkWire(t testing.TB, d Digest) {
	t.Helper()
	for i, b := range [][]byte{d.Envelope, d.Body, d.BodyStructure} {
		v, rest, err := readSexp(b)
		if err == nil && len(rest) > 0 {
			err = fmt.Errorf("%q is left", rest)
		}
		if err == nil && i == 0 {
			err = checkEnvelope(v)
		} else if err == nil {
			err = checkBody(v, i == 2)
		}
		if err != nil {
			t.Fatalf("wire form %d: %v\n%q", i, err, b)
		}
	}
}

func mustDigest(t testing.TB, msg string) Digest {
	t.Helper()
	b, err := MakeDigest(strings.NewReader(msg))
	if err != nil {
		t.Fatal(err)
	}
	d, err := ParseDigest(b)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEnvelopeOnTheWire(t *testing.T) {
	from := `((NIL NIL "a" "b"))`
	tests := []struct{ name, header, want string }{
		{"nothing", "", `(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)`},
		{"present but empty", "Date:|Subject: |In-Reply-To:|Message-ID:|", `("" "" NIL NIL NIL NIL NIL NIL "" "")`},
		{"date and subject as written", "Date: Mon,  1 Jan (x)|Subject: =?utf-8?q?=C3=BC?=|  b \"q\" \\|",
			`("Mon,  1 Jan (x)" "=?utf-8?q?=C3=BC?=  b \"q\" \\" NIL NIL NIL NIL NIL NIL NIL NIL)`},
		{"From stands in", "From: a@b|", `(NIL NIL ` + from + ` ` + from + ` ` + from + ` NIL NIL NIL NIL NIL)`},
		{"empty Sender", "From: a@b|Sender: |Reply-To: c@d|", `(NIL NIL ` + from + ` ` + from + ` ((NIL NIL "c" "d")) NIL NIL NIL NIL NIL)`},
		{"group", "To: G: a@b, c@d;, e@f|", `(NIL NIL NIL NIL NIL ((NIL NIL "G" NIL)(NIL NIL "a" "b")(NIL NIL "c" "d")(NIL NIL NIL NIL)(NIL NIL "e" "f")) NIL NIL NIL NIL)`},
		{"one bad address keeps the others", "To: a@b, c d <, e@f>|Cc: x@, y@z|",
			`(NIL NIL NIL NIL NIL ((NIL NIL "a" "b")("c d" NIL ",e" "f")) ((NIL NIL "x" ".MISSING-HOST-NAME.")(NIL NIL "y" "z")) NIL NIL NIL)`},
		{"no host", "To: root|", `(NIL NIL NIL NIL NIL ((NIL NIL "root" ".MISSING-HOST-NAME.")) NIL NIL NIL NIL)`},
		{"two To fields", "To: a@b|To: c@d|", `(NIL NIL NIL NIL NIL ((NIL NIL "a" "b")(NIL NIL "c" "d")) NIL NIL NIL NIL)`},
		{"8-bit is a literal", "Subject: grüß|", "(NIL {6}\r\ngrüß NIL NIL NIL NIL NIL NIL NIL NIL)"},
		{"NUL is left out", "Subject: a\x00b|", `(NIL "ab" NIL NIL NIL NIL NIL NIL NIL NIL)`},
		{"bare CR is a literal", "Subject: a\rb|", "(NIL {3}\r\na\rb NIL NIL NIL NIL NIL NIL NIL NIL)"},
		{"after malformed lines", ">From x|nonsense|Subject: s|", `(NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := mustDigest(t, strings.ReplaceAll(tt.header, "|", "\r\n")+"\r\nbody")
			checkWire(t, d)
			if string(d.Envelope) != tt.want {
				t.Errorf("got  %s\nwant %s", d.Envelope, tt.want)
			}
		})
	}
}

func TestBodyStructureOnTheWire(t *testing.T) {
	tests := []struct{ name, msg, want string }{
		{"plain", "A: b||hi|", `("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 4 1 NIL NIL NIL NIL)`},
		{"no parameters", "Content-Type: TEXT/HTML||hi", `("text" "html" NIL NIL NIL "7BIT" 2 0 NIL NIL NIL NIL)`},
		{"everything", "Content-Type: image/png; name=\"a b\"|Content-ID: <1>|Content-Description: d|Content-Transfer-Encoding: base64|Content-MD5: m|" +
			"Content-Disposition: attachment; filename=x|Content-Language: de, en|Content-Location: l||AA==",
			`("image" "png" ("name" "a b") "<1>" "d" "base64" 4 "m" ("attachment" ("filename" "x")) ("de" "en") "l")`},
		{"multipart", "Content-Type: multipart/mixed; boundary=b|Content-Language: en||--b||1|--b|Content-Type: a/b||2|--b--",
			`(("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 1 0 NIL NIL NIL NIL)("a" "b" NIL NIL NIL "7BIT" 1 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL "en" NIL)`},
		{"multipart without parts", "Content-Type: multipart/mixed; boundary=b||none|",
			`(("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 6 1 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)`},
		{"message", "Content-Type: message/rfc822||Subject: s||hi|",
			`("message" "rfc822" NIL NIL NIL "7BIT" 18 (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 4 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)`},
		{"parameter without value", "Content-Type: text/plain; x; y=; =z; charset=utf-8 (comment)||", `("text" "plain" ("y" "" "charset" "utf-8") NIL NIL "7BIT" 0 0 NIL NIL NIL NIL)`},
		{"8-bit parameter", "Content-Type: text/plain; name=ü||", "(\"text\" \"plain\" (\"name\" {2}\r\nü) NIL NIL \"7BIT\" 0 0 NIL NIL NIL NIL)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := mustDigest(t, strings.ReplaceAll(tt.msg, "|", "\r\n"))
			checkWire(t, d)
			if string(d.BodyStructure) != tt.want {
				t.Errorf("got  %s\nwant %s", d.BodyStructure, tt.want)
			}
		})
	}
	d := mustDigest(t, "Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n\r\n1\r\n--b--")
	if want := `(("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 1 0) "x")`; string(d.Body) != want {
		t.Errorf("BODY\ngot  %s\nwant %s", d.Body, want)
	}
}

func TestDigestHoldsHeaderAndTree(t *testing.T) {
	msg := hardMail()
	d := mustDigest(t, msg)
	if want := msg[:mustParse(t, msg).BodyStart]; string(d.Header) != want {
		t.Errorf("header %q, want %q", d.Header, want)
	}
	root, err := d.Root()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := outline(msg, root), outline(msg, mustParse(t, msg)); got != want {
		t.Errorf("tree\n%s\nwant\n%s", got, want)
	}
	if d := mustDigest(t, "\r\nbody"); d.Header == nil {
		t.Error("a short header must not be nil")
	}
	if d := mustDigest(t, strings.Repeat("A: b\r\n", maxDigestHeader/6+1)+"\r\n"); d.Header != nil {
		t.Error("a header over 64 KiB must be nil")
	}
	if _, err := ParseDigest([]byte{DigestVersion + 1, 0, 0, 0, 0}); !errors.Is(err, ErrDigest) {
		t.Errorf("another version: %v", err)
	}
}

func FuzzDigest(f *testing.F) {
	f.Add([]byte(hardMail()))
	f.Add([]byte("Content-Type: message/global\n\nFrom: a:b;\nTo: \"\\\n\n"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		b, err := MakeDigest(bytes.NewReader(msg))
		if err != nil {
			t.Fatal(err)
		}
		d, err := ParseDigest(b)
		if err != nil {
			t.Fatal(err)
		}
		checkWire(t, d)
		root, err := d.Root()
		if err != nil {
			t.Fatal(err)
		}
		if root.BodyStart != int64(len(d.Header)) && d.Header != nil || !bytes.HasPrefix(msg, d.Header) {
			t.Fatal("header")
		}
		if n := len(d.BodyStructure); n > 4000+40*len(msg) {
			t.Fatalf("BODYSTRUCTURE of %d octets for %d", n, len(msg))
		}
	})
}

func FuzzParseDigest(f *testing.F) {
	b, _ := MakeDigest(strings.NewReader(hardMail()))
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := ParseDigest(b); err == nil {
			if root, err := d.Root(); err == nil && (root.BodyStart < root.HeaderStart || root.End < root.BodyStart) {
				t.Fatal("offsets")
			}
		}
	})
}

func BenchmarkMakeDigest(b *testing.B) {
	msg := hardMail() + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 50)
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := MakeDigest(strings.NewReader(msg)); err != nil {
			b.Fatal(err)
		}
	}
}
