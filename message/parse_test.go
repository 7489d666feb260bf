package message

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// outline writes a tree as type/subtype[header|body] with children in braces.
func outline(msg string, p *Part) string {
	s := fmt.Sprintf("%s/%s[%s|%s]", p.Type, p.Subtype, msg[p.HeaderStart:p.BodyStart], msg[p.BodyStart:p.End])
	if len(p.Parts) > 0 {
		s = p.Type + "/" + p.Subtype + "{"
		for i, c := range p.Parts {
			if i > 0 {
				s += " "
			}
			s += outline(msg, c)
		}
		s += "}"
	}
	if p.Message != nil {
		s = "message{" + outline(msg, p.Message) + "}"
	}
	return s
}

func mustParse(t testing.TB, msg string) *Part {
	t.Helper()
	p, err := Parse(strings.NewReader(msg))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParseFindsTheStructure(t *testing.T) {
	// In these messages | stands for CRLF.
	multi := "Content-Type: multipart/mixed; boundary=b||"
	tests := []struct{ name, in, want string }{
		{"empty", "", "text/plain[|]"},
		{"one line end", "|", "text/plain[\r\n|]"},
		{"plain", "A: b||hi|", "text/plain[A: b\r\n\r\n|hi\r\n]"},
		{"no header", "|hi|", "text/plain[\r\n|hi\r\n]"},
		{"no body", "A: b|", "text/plain[A: b\r\n|]"},
		{"malformed line ends nothing", ">From x|A: b||hi", "text/plain[>From x\r\nA: b\r\n\r\n|hi]"},
		{"bare LF", "A: b\n\nhi\n", "text/plain[A: b\n\n|hi\n]"},
		{"multipart", multi + "pre|--b||one|--b|A: b||two|--b--|epi|",
			"multipart/mixed{text/plain[\r\n|one] text/plain[A: b\r\n\r\n|two]}"},
		{"multipart, bare LF", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b--\n",
			"multipart/mixed{text/plain[\n|one] text/plain[\n|two]}"},
		{"unterminated", multi + "--b||one|", "multipart/mixed{text/plain[\r\n|one\r\n]}"},
		{"no delimiter", multi + "one|", "multipart/mixed{text/plain[|one\r\n]}"},
		{"no boundary", "Content-Type: multipart/mixed||--b||one|", "multipart/mixed{text/plain[|--b\r\n\r\none\r\n]}"},
		{"only closed", multi + "one|--b--|two", "multipart/mixed{text/plain[|one\r\n--b--\r\ntwo]}"},
		{"part without body", multi + "--b|A: b|--b--|", "multipart/mixed{text/plain[A: b|]}"},
		{"part with header and no body", multi + "--b|A: b||--b--|", "multipart/mixed{text/plain[A: b\r\n\r\n|]}"},
		{"empty part", multi + "--b|--b--|", "multipart/mixed{text/plain[|]}"},
		{"body of one empty line", multi + "--b|||--b--|", "multipart/mixed{text/plain[\r\n|]}"},
		{"delimiter at the very start", "Content-Type: multipart/mixed; boundary=b||--b||x|--b--", "multipart/mixed{text/plain[\r\n|x]}"},
		{"white space after delimiter", multi + "--b \t||one|--b-- |", "multipart/mixed{text/plain[\r\n|one]}"},
		{"longer line is no delimiter", multi + "--b||one|--bb|--b-|--b--x|--b--|", "multipart/mixed{text/plain[\r\n|one\r\n--bb\r\n--b-\r\n--b--x]}"},
		{"delimiter not at line start", multi + "--b||one --b| --b|--b--|", "multipart/mixed{text/plain[\r\n|one --b\r\n --b]}"},
		{"inner boundary starts like outer", multi + "--b|Content-Type: multipart/x; boundary=bb||--bb||1|--bb--|--b||2|--b--",
			"multipart/mixed{multipart/x{text/plain[\r\n|1]} text/plain[\r\n|2]}"},
		{"inner boundary ends like a close", multi + "--b|Content-Type: multipart/x; boundary=b--||--b--||1|--b||2|--b--|",
			"multipart/mixed{multipart/x{text/plain[\r\n|1]} text/plain[\r\n|2]}"},
		{"outer delimiter ends an open inner", multi + "--b|Content-Type: multipart/x; boundary=i||--i||1|--b||2|--i||3|",
			"multipart/mixed{multipart/x{text/plain[\r\n|1]} text/plain[\r\n|2\r\n--i\r\n\r\n3\r\n]}"},
		{"same boundary within", multi + "--b|Content-Type: multipart/x; boundary=b||--b||1|--b--|--b||2|--b--|",
			"multipart/mixed{multipart/x{text/plain[\r\n|1]} text/plain[\r\n|2]}"},
		{"rfc822", "Content-Type: message/rfc822||A: b||hi|", "message{text/plain[A: b\r\n\r\n|hi\r\n]}"},
		{"rfc822 of nothing", "Content-Type: message/rfc822||", "message{text/plain[|]}"},
		{"rfc822 header at the end", "Content-Type: message/rfc822|", "message{text/plain[|]}"},
		{"rfc822 in multipart", multi + "--b|Content-Type: message/rfc822||A: b||--b--|", "multipart/mixed{message{text/plain[A: b\r\n\r\n|]}}"},
		{"rfc822 in base64", "Content-Type: message/rfc822|Content-Transfer-Encoding: BASE64||QTog", "application/octet-stream[Content-Type: message/rfc822\r\nContent-Transfer-Encoding: BASE64\r\n\r\n|QTog]"},
		{"digest", "Content-Type: multipart/digest; boundary=b||--b||A: b||hi|--b--", "multipart/digest{message{text/plain[A: b\r\n\r\n|hi]}}"},
		{"type that is none", "Content-Type: text||hi", "text/plain[Content-Type: text\r\n\r\n|hi]"},
		{"first Content-Type counts", "Content-Type: text/a|Content-Type: text/b||", "text/a[Content-Type: text/a\r\nContent-Type: text/b\r\n\r\n|]"},
		{"quoted boundary", "Content-Type: multipart/mixed; boundary=\"a b;c\"||--a b;c||x|--a b;c--", "multipart/mixed{text/plain[\r\n|x]}"},
		{"folded boundary", "Content-Type: multipart/mixed;|\tboundary=b||--b||x|--b--", "multipart/mixed{text/plain[\r\n|x]}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := strings.ReplaceAll(tt.in, "|", "\r\n")
			root := mustParse(t, in)
			checkTree(t, []byte(in), root)
			if got := outline(in, root); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// checkTree holds what is true of every tree: parts nest in order and within
// the message, lines are counted right, and containers hold something.
func checkTree(t testing.TB, msg []byte, root *Part) {
	t.Helper()
	if root.HeaderStart != 0 || root.End != int64(len(msg)) {
		t.Fatalf("root is [%d,%d) of %d octets", root.HeaderStart, root.End, len(msg))
	}
	type item struct {
		p        *Part
		from, to int64
		root     bool
	}
	todo := []item{{root, 0, root.End, true}}
	parts := 0
	for len(todo) > 0 {
		it := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		p := it.p
		parts++
		if p.HeaderStart < it.from || p.BodyStart < p.HeaderStart || p.End < p.BodyStart || p.End > it.to {
			t.Fatalf("%s/%s [%d,%d,%d) is not within [%d,%d)", p.Type, p.Subtype, p.HeaderStart, p.BodyStart, p.End, it.from, it.to)
		}
		if n := int64(bytes.Count(msg[p.BodyStart:p.End], []byte("\n"))); n != p.Lines {
			t.Fatalf("%s/%s [%d,%d): %d lines, want %d", p.Type, p.Subtype, p.BodyStart, p.End, p.Lines, n)
		}
		if (p.Type == "multipart") != (len(p.Parts) > 0) || it.root != (p.Envelope != nil) {
			t.Fatalf("%s/%s has %d parts, envelope %v", p.Type, p.Subtype, len(p.Parts), p.Envelope != nil)
		}
		from := p.BodyStart
		for _, c := range p.Parts {
			todo = append(todo, item{c, from, p.End, false})
			from = c.End
		}
		if m := p.Message; m != nil {
			if m.HeaderStart != p.BodyStart || m.End != p.End {
				t.Fatalf("message [%d,%d) does not fill its part [%d,%d)", m.HeaderStart, m.End, p.BodyStart, p.End)
			}
			todo = append(todo, item{m, p.BodyStart, p.End, true})
		}
	}
	if parts > 2*maxParts {
		t.Fatalf("%d parts", parts)
	}
}

func TestParseDoesNotDependOnReadSizes(t *testing.T) {
	msg := hardMail()
	want := outline(msg, mustParse(t, msg))
	p, err := Parse(iotest.OneByteReader(strings.NewReader(msg)))
	if err != nil {
		t.Fatal(err)
	}
	if got := outline(msg, p); got != want {
		t.Error("read octet by octet, the structure is another")
	}
}

func TestParseReturnsTheReadersError(t *testing.T) {
	for _, in := range []string{"A: b\r\n", "A: b\r\n\r\nbody", "Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n"} {
		r := iotest.DataErrReader(strings.NewReader(in))
		if _, err := Parse(iotest.TimeoutReader(iotest.OneByteReader(r))); err != iotest.ErrTimeout {
			t.Errorf("%q: err = %v", in, err)
		}
	}
}

func TestParseLongLines(t *testing.T) {
	long := strings.Repeat("x", 3*lineBuffer)
	for _, msg := range []string{
		"Subject: " + long + "\r\n\r\nhi\r\n",
		long + ": v\r\nSubject: s\r\n\r\nhi\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--" + long + "\r\n--b--\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + long[:lineBuffer-1] + "\r\n--b--\r\n",
		"A: b\r\n\r\n" + long,
	} {
		root := mustParse(t, msg)
		checkTree(t, []byte(msg), root)
	}
	root := mustParse(t, "Subject: "+long+"\r\n\r\n")
	if root.Envelope.Subject != long {
		t.Errorf("subject of %d octets, want %d", len(root.Envelope.Subject), len(long))
	}
}

// hardMail has most of what is odd.
func hardMail() string {
	return strings.ReplaceAll("From: \"A, B\" <a@b.example>, g: x@y, z@w;, plain|Subject: =?utf-8?q?gr=C3=BC?=| more|Bad line|"+
		"To: grüße@b.example|Content-Type: multipart/mixed; boundary=\"o u\"; x=\"\\\"\"||pre|--o u|Content-Type: multipart/alternative; boundary=o||"+
		"--o|Content-Language: de, en|Content-Disposition: attachment; filename=\"a b\"||text|--o|Content-Type: text/html|Content-ID: <1@x>|"+
		"Content-MD5: abc|Content-Location: http://x/||<p>hi|--o--|epi|--o u|Content-Type: message/rfc822|Content-Description: d||"+
		"Subject: in|Date: never||inner|--o u|--o u|||--o u--|end", "|", "\r\n")
}

func nestedMultipart(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	return b.String() + "\r\nhi\r\n"
}

// depth is the longest chain of containers.
func depth(p *Part) int {
	n := 0
	for p != nil {
		switch {
		case p.Message != nil:
			p = p.Message
		case len(p.Parts) > 0:
			p = p.Parts[0]
		default:
			return n
		}
		n++
	}
	return n
}

// What makes quadratic parsers stand still. Four times the octets may take
// about four times as long; sixteen times would be the square.
func TestParseIsLinearAndBounded(t *testing.T) {
	const size = 1 << 20
	tests := []struct{ name, head, again string }{
		{"nested rfc822", "", "Content-Type: message/rfc822\r\n\r\n"},
		{"100,000 parts", "Content-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\n\r\nx\r\n"},
		{"dashes under 100 boundaries", nestedMultipart(99), "--b\r\n"},
		{"one header field of many lines", "To: a\r\n", " a,\r\n"},
		{"many header fields", "", "To: a@b\r\n"},
		{"many addresses", "To: ", "a,"},
		{"open comments", "Content-Type: x\r\nTo: ", "("},
		{"open comments in a type", "Content-Type: ", "("},
		{"open quotes", "To: ", "\"<"},
		{"open quotes in a type", "Content-Type: ", "a;\""},
		{"open angles", "To: ", "<"},
		{"parameters", "Content-Type: text/plain", ";a=b"},
		{"digest of messages", "Content-Type: multipart/digest; boundary=b\r\n\r\n", "--b\r\n\r\nTo: a,b,c,d,e,f\r\n\r\n"},
		{"dots and at signs", "To: ", " .@"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			msg := tt.head + strings.Repeat(tt.again, size/len(tt.again))
			quarter := tt.head + strings.Repeat(tt.again, size/4/len(tt.again))
			short, long := time.Hour, time.Hour
			for range 5 { // the best of each, for the machine has other work
				short = min(short, parseTime(t, quarter))
				long = min(long, parseTime(t, msg))
			}
			if long > 10*(short+2*time.Millisecond) {
				t.Errorf("%v for %d octets, %v for %d", long, len(msg), short, len(quarter))
			}
			root := mustParse(t, msg)
			checkTree(t, []byte(msg), root)
			if d := depth(root); d > maxDepth {
				t.Errorf("depth %d", d)
			}
			if n := len(appendBody(nil, root, true)); n > 20*len(msg) {
				t.Errorf("BODYSTRUCTURE of %d octets for a message of %d", n, len(msg))
			}
		})
	}
	if d := depth(mustParse(t, nestedMultipart(20_000))); d != maxDepth {
		t.Errorf("20,000 multiparts within each other: depth %d", d)
	}
}

func parseTime(t *testing.T, msg string) time.Duration {
	start := time.Now()
	appendBody(nil, mustParse(t, msg), true)
	return time.Since(start)
}

func TestParseFollowsTo100AndTo10000(t *testing.T) {
	if d := depth(mustParse(t, nestedMultipart(99))); d != 99 {
		t.Errorf("99 multiparts: depth %d", d)
	}
	for _, msg := range []string{nestedMultipart(1000), strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 1000)} {
		p := mustParse(t, msg)
		if d := depth(p); d != maxDepth {
			t.Errorf("1,000 containers: depth %d, want %d", d, maxDepth)
		}
		for p.Message != nil || len(p.Parts) > 0 {
			if p.Message != nil {
				p = p.Message
			} else {
				p = p.Parts[0]
			}
		}
		if p.Type != "text" || p.Size() == 0 {
			t.Errorf("beyond the depth there is %s of %d octets, want opaque text", p.Type, p.Size())
		}
	}
	msg := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 20_000) + "--b--\r\n"
	p := mustParse(t, msg)
	if n := len(p.Parts); n != maxParts-1 {
		t.Errorf("20,000 parts: %d kept", n)
	}
	if last := p.Parts[len(p.Parts)-1]; last.End != p.End-int64(len("\r\n--b--\r\n")) {
		t.Errorf("the last part ends at %d of %d: the rest is not in it", last.End, p.End)
	}
}

func TestFindByPartNumber(t *testing.T) {
	simple := "A: b\r\n\r\nhi"
	msg := strings.ReplaceAll("Content-Type: multipart/mixed; boundary=a||--a||one|--a|Content-Type: message/rfc822||"+
		"Content-Type: multipart/mixed; boundary=b||--b||two.one|--b|Content-Type: message/rfc822||S: x||two.two|--b--|--a|"+
		"Content-Type: multipart/x; boundary=c||--c||three.one|--c--|--a--", "|", "\r\n")
	rfc822 := "Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nhi"
	none := "(none)"
	tests := []struct {
		msg  string
		path []int
		want string
	}{
		{simple, nil, "hi"}, {simple, []int{1}, "hi"}, {simple, []int{2}, none}, {simple, []int{1, 1}, none}, {simple, []int{0}, none},
		{msg, []int{1}, "one"}, {msg, []int{4}, none}, {msg, []int{0}, none}, {msg, []int{-1}, none}, {msg, []int{1, 1}, none},
		{msg, []int{2, 1}, "two.one"}, {msg, []int{2, 2, 1}, "two.two"}, {msg, []int{2, 2}, "S: x\r\n\r\ntwo.two"}, {msg, []int{2, 2, 1, 1}, none},
		{msg, []int{3, 1}, "three.one"}, {msg, []int{3, 2}, none},
		{rfc822, []int{1}, "A: b\r\n\r\nhi"}, {rfc822, []int{1, 1}, "hi"}, {rfc822, []int{1, 1, 1}, none}, {rfc822, []int{1, 2}, none},
	}
	for _, tt := range tests {
		got := none
		if p := mustParse(t, tt.msg).Find(tt.path); p != nil {
			got = tt.msg[p.BodyStart:p.End]
		}
		if got != tt.want {
			t.Errorf("part %v is %q, want %q", tt.path, got, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(hardMail()))
	f.Add([]byte(nestedMultipart(5)))
	f.Add([]byte("Content-Type: message/rfc822\n\nContent-Type: multipart/digest; boundary=a\n\n--a\n\n--a\n"))
	f.Add([]byte("Content-Type: multipart/a;boundary=b--\r\n\r\n--b--\r\nContent-Type:multipart/b;boundary=b\r\n\r\n--b--\r\n--b\r\n"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		root, err := Parse(bytes.NewReader(msg))
		if err != nil {
			t.Fatal(err)
		}
		checkTree(t, msg, root)
		var h []byte
		for _, fd := range ParseHeader(msg).Fields() {
			h = append(h, fd.Raw...)
		}
		if rest := string(msg[len(h):root.BodyStart]); rest != "" && rest != "\r\n" && rest != "\n" {
			t.Fatalf("ParseHeader and Parse differ by %q", rest)
		}
	})
}
