package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

var testLimits = Limits{Line: 200, Literal: 40, Discard: 1000, Depth: 4}

// open gives a decoder over input; asked counts the continuation requests.
func open(input string) (d *Decoder, asked *int) {
	asked = new(int)
	return NewDecoder(bufio.NewReaderSize(strings.NewReader(input), 16), testLimits, func() error { *asked++; return nil }), asked
}

// command reads the first line of a command and its tag.
func command(t *testing.T, d *Decoder, tag string) {
	t.Helper()
	if err := d.Next(); err != nil {
		t.Fatalf("next: %v", err)
	}
	if got := d.Tag(); got != tag {
		t.Fatalf("tag %q, want %q", got, tag)
	}
	d.SP()
}

func TestElements(t *testing.T) {
	flags := func(d *Decoder) any { return d.Flags() }
	mailbox := func(d *Decoder) any { return d.Mailbox() }
	astring := func(d *Decoder) any { return d.AString() }
	nstring := func(d *Decoder) any { s, ok := d.NString(); return fmt.Sprint(s, ok) }
	set := func(d *Decoder) any { return d.Set() }
	for _, test := range []struct {
		input string
		take  func(*Decoder) any
		want  any // nil: an error
	}{
		{"abc", func(d *Decoder) any { return d.Atom() }, "abc"},
		{"a(b", func(d *Decoder) any { return d.Atom() }, nil},
		{`"a"`, func(d *Decoder) any { return d.Atom() }, nil},
		{"a]b", astring, "a]b"},
		{`"a \"b\" \\"`, astring, `a "b" \`},
		{`"a`, astring, nil},
		{`"a\`, astring, nil},
		{"{3}\r\na\rb", astring, "a\rb"},
		{"{3+}\r\nabc", astring, "abc"},
		{"{0+}\r\n", astring, ""},
		{"{3+}\r\na\x00c", astring, nil},
		{"{41}\r\n", astring, nil},
		{"{3+}x", astring, nil},
		{"{}\r\n", astring, nil},
		{"NIL", nstring, "false"},
		{"nil", nstring, "false"},
		{`"NIL"`, nstring, "NILtrue"},
		{"NILS", nstring, nil},
		{"4294967295", func(d *Decoder) any { return d.Number32() }, uint32(4294967295)},
		{"4294967296", func(d *Decoder) any { return d.Number32() }, nil},
		{"9223372036854775807", func(d *Decoder) any { return d.Number64() }, int64(9223372036854775807)},
		{"9223372036854775808", func(d *Decoder) any { return d.Number64() }, nil},
		{"-1", func(d *Decoder) any { return d.Number32() }, nil},
		{`()`, flags, []string(nil)},
		{`(\Seen $Label1 NonJunk)`, flags, []string{`\Seen`, "$Label1", "NonJunk"}},
		{`(\Seen`, flags, nil},
		{`(\Seen )`, flags, nil},
		{`(\)`, flags, nil},
		{"1", set, Set{Ranges: []Range{{1, 1}}}},
		{"*:4,7,2:*", set, Set{Ranges: []Range{{0, 4}, {7, 7}, {2, 0}}}},
		{"$", set, Set{Saved: true}},
		{"0", set, nil},
		{"1,", set, nil},
		{"1:", set, nil},
		{"inbox", mailbox, "inbox"},
		{"&AXsA8wFC-w", mailbox, "\u017b\u00f3\u0142w"},
		{"&-", mailbox, "&"},
		{"&AGE-", mailbox, nil},
		{"\"\xc3\xa4\"", mailbox, nil},
		{`1-Feb-1994`, func(d *Decoder) any { return d.Date() }, time.Date(1994, 2, 1, 0, 0, 0, 0, time.UTC)},
		{`"01-Feb-1994"`, func(d *Decoder) any { return d.Date() }, time.Date(1994, 2, 1, 0, 0, 0, 0, time.UTC)},
		{`30-Feb-1994`, func(d *Decoder) any { return d.Date() }, nil},
		{`" 7-Feb-1994 21:52:25 -0800"`, func(d *Decoder) any { return d.DateTime().Unix() }, int64(760686745)},
		{`"07-Feb-1994"`, func(d *Decoder) any { return d.DateTime().Unix() }, nil},
		{`((((a))))`, func(d *Decoder) any { return nest(d) }, "a"},
		{`(((((a)))))`, func(d *Decoder) any { return nest(d) }, nil},
	} {
		d, _ := open("t " + test.input + "\r\n")
		command(t, d, "t")
		got := test.take(d)
		err := d.End()
		if test.want == nil {
			if err == nil {
				t.Errorf("%q gave %v, want an error", test.input, got)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q gave %v, %v, want %v", test.input, got, err, test.want)
		}
	}
}

func nest(d *Decoder) (atom string) {
	if !d.At('(') {
		return d.Atom()
	}
	d.List(func() { atom = nest(d) })
	return atom
}

// A refused literal's octets are never a command: whatever a command takes of
// its line, what comes next is the command after it. RFC 7888 §4.
func TestDiscard(t *testing.T) {
	inside := "x1 DELETE foo\r\n"
	for name, test := range map[string]struct {
		input string
		lost  bool
	}{
		"a syntax error before it":        {fmt.Sprintf("t BAD ( {%d+}\r\n%s\r\n", len(inside), inside), false},
		"too big":                         {fmt.Sprintf("t LOGIN {%d+}\r\n%s\r\n", 300, strings.Repeat(inside, 20)), false},
		"several":                         {fmt.Sprintf("t LOGIN {100+}\r\n%s {%d+}\r\n%s\r\n", strings.Repeat("y", 100), len(inside), inside), false},
		"literal8":                        {fmt.Sprintf("t APPEND ~{%d+}\r\n%s\r\n", len(inside), inside), false},
		"LITERAL-":                        {fmt.Sprintf("t APPEND {%d-}\r\n%s\r\n", len(inside), inside), false},
		"a line that is too long":         {fmt.Sprintf("t %s {%d+}\r\n%s\r\n", strings.Repeat("z", 400), len(inside), inside), false},
		"a second line that is too long":  {fmt.Sprintf("t LOGIN {3+}\r\nabc %s {%d+}\r\n%s\r\n", strings.Repeat("z", 400), len(inside), inside), false},
		"a synchronising one not sent":    {"t LOGIN {999999}\r\n", false},
		"more than can be read past":      {"t LOGIN {1001+}\r\n", true},
		"a number that is too large":      {"t LOGIN {99999999999999999999+}\r\n", true},
		"a line without an end":           {"t " + strings.Repeat("z", 2000), true},
		"the connection ends within":      {"t BAD ( {20+}\r\nabc", true},
		"braces that announce no literal": {"t BAD ({+}\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			d, asked := open(test.input + "u NOOP\r\n")
			if err := d.Next(); err == nil {
				d.Tag()
				d.SP()
				d.Atom()
				d.SP()
				d.AString()
				d.End()
			}
			err := d.Discard()
			if test.lost {
				if !Lost(err) {
					t.Fatalf("discard gave %v, want the connection lost", err)
				}
				return
			}
			if err != nil {
				t.Fatalf("discard: %v", err)
			}
			if *asked > 0 {
				t.Error("a literal was asked for")
			}
			command(t, d, "u")
			if got := d.Atom(); got != "NOOP" || d.End() != nil {
				t.Errorf("then came %q", got)
			}
		})
	}
}

func TestStream(t *testing.T) {
	const input = "t X {5}\r\nhello)\r\nu NOOP\r\n"
	t.Run("read", func(t *testing.T) {
		d, asked := open(input)
		command(t, d, "t")
		d.Atom()
		d.SP()
		if size, _ := d.Stream(); size != 5 || *asked != 0 {
			t.Fatalf("size %d, asked %d times", size, *asked)
		}
		b, err := io.ReadAll(d.Octets())
		if string(b) != "hello" || err != nil || *asked != 1 {
			t.Fatalf("read %q, %v, asked %d times", b, err, *asked)
		}
		d.Resume()
		if d.Need(')'); d.End() != nil {
			t.Fatal(d.Err())
		}
	})
	t.Run("given up within", func(t *testing.T) {
		d, _ := open(input)
		command(t, d, "t")
		d.Atom()
		d.SP()
		d.Stream()
		io.ReadFull(d.Octets(), make([]byte, 2))
		if err := d.Discard(); err != nil {
			t.Fatal(err)
		}
		command(t, d, "u")
	})
	t.Run("cut", func(t *testing.T) {
		d, _ := open("t X {5+}\r\nhel")
		command(t, d, "t")
		d.Atom()
		d.SP()
		d.Stream()
		if _, err := io.ReadAll(d.Octets()); !Lost(err) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("read gave %v", err)
		}
	})
}

func TestPeek(t *testing.T) {
	d, _ := open("DONE\r\nt NOOP\r\n")
	if line, err := d.Peek(); line != "DONE" || err != nil {
		t.Fatal(line, err)
	}
	d.Skip()
	if line, _ := d.Peek(); line != "t NOOP" {
		t.Fatal(line)
	}
	if err := d.Discard(); err != nil || !d.Pending() {
		t.Fatal("discard took a line that belongs to the next command")
	}
	command(t, d, "t")
}

func TestTooLong(t *testing.T) {
	d, _ := open("tag NOOP " + strings.Repeat("x", 500) + "\r\nu NOOP\r\n")
	if _, err := d.Peek(); err != nil {
		t.Fatalf("peek: %v", err)
	}
	if err := d.Next(); !errors.Is(err, ErrTooLong) || Lost(err) {
		t.Fatalf("next: %v", err)
	}
	if tag := d.Tag(); tag != "tag" {
		t.Errorf("its tag is %q", tag)
	}
	if err := d.Discard(); err != nil {
		t.Fatal(err)
	}
	command(t, d, "u")
}

// Wherever the limit falls in a line, and wherever the read buffer ends, the
// literal that the line announces is read past and never run.
func TestTooLongBeforeLiteral(t *testing.T) {
	const secret = "x DELETE foo\r\n"
	limits := testLimits
	limits.Line = 192 // a multiple of two of the buffers
	for n := limits.Line - 40; n < limits.Line+40; n++ {
		for _, buffer := range []int{16, 64, 4096} {
			line := fmt.Sprintf("t %s {%d+}\r\n", strings.Repeat("x", n-9), len(secret))
			d := NewDecoder(bufio.NewReaderSize(strings.NewReader(line+secret+"\r\nu NOOP\r\n"), buffer), limits, nil)
			if err := d.Next(); Lost(err) {
				t.Fatal(err)
			}
			if err := d.Discard(); err != nil {
				t.Fatal(err)
			}
			if err := d.Next(); err != nil || d.Tag() != "u" {
				t.Fatalf("a line of %d octets, a buffer of %d: the literal was run (%v)", len(line), buffer, err)
			}
		}
	}
}

// The lines between many literals count together, so that a command cannot be
// made of any number of them.
func TestManyLiterals(t *testing.T) {
	d, _ := open("t" + strings.Repeat(" {0+}\r\n", 1000) + "\r\nu NOOP\r\n")
	command(t, d, "t")
	n := 0
	for ; d.Err() == nil; n++ {
		d.AString()
		d.TakeSP()
	}
	if !errors.Is(d.Err(), ErrTooLong) || n > testLimits.Line {
		t.Errorf("%v after %d literals", d.Err(), n)
	}
	if err := d.Discard(); err != nil {
		t.Fatal(err)
	}
	command(t, d, "u")
}

// FuzzDecoder holds the decoder to its promise: whatever a command takes,
// afterwards the next command is the one behind it.
func FuzzDecoder(f *testing.F) {
	f.Add("LOGIN {3+}\r\nabc {2+}\r\nde", uint8(0))
	f.Add("APPEND x (\\Seen) ~{12+}\r\nx1 DELETE f\r\n)", uint8(1))
	f.Add(`STORE 1:*,$ +FLAGS (a b) "q\"" NIL 9-Jan-2020`, uint8(2))
	f.Add(strings.Repeat("(", 60), uint8(3))
	f.Fuzz(func(t *testing.T, body string, seed uint8) {
		end := framed(body)
		if end < 0 {
			return
		}
		body = body[:end]
		d, _ := open("t " + body + "\r\nsentinel NOOP\r\n")
		d.Limits = Limits{Line: 1 << 16, Literal: 64, Discard: 1 << 16, Depth: 50}
		if err := d.Next(); err != nil {
			t.Fatalf("next: %v", err)
		}
		d.Tag()
		d.SP()
		takeAny(d, seed)
		if err := d.Discard(); err != nil {
			t.Fatalf("discard: %v", err)
		}
		if err := d.Next(); err != nil || d.Tag() != "sentinel" {
			t.Fatalf("the next command was not found behind %q: %v", body, err)
		}
	})
}

// framed cuts s where its command ends, by the rule of RFC 7888: lines that
// end with a non-synchronising literal go on behind it. -1: it has none.
func framed(s string) int {
	at := 0
	for {
		n := strings.IndexByte(s[at:], '\n')
		line := s[at:]
		if n >= 0 {
			line = s[at : at+n]
		}
		line = strings.TrimSuffix(line, "\r")
		size := int64(-1)
		if i := strings.LastIndexByte(line, '{'); i >= 0 && strings.HasSuffix(line, "}") {
			digits := strings.TrimRight(line[i+1:len(line)-1], "+-")
			if digits != "" && strings.Trim(digits, "0123456789") == "" && len(line)-2-i-len(digits) <= 1 {
				size = parseSize(digits)
				if len(line)-2-i == len(digits) {
					return -1 // synchronising: its answer is not in s
				}
			}
		}
		if size < 0 {
			if n < 0 {
				return len(s)
			}
			return at + len(line)
		}
		if n < 0 || size > int64(len(s)-at-n-1) {
			return -1
		}
		at += n + 1 + int(size)
	}
}

// takeAny takes elements of the grammar in an order that seed gives.
func takeAny(d *Decoder, seed uint8) {
	elements := []func(){
		func() { d.AString() }, func() { d.Set() }, func() { d.Flags() }, func() { d.NString() },
		func() { d.Mailbox() }, func() { d.Pattern() }, func() { d.Date() }, func() { d.Number32() },
		func() { d.List(func() { d.AString() }) }, func() { d.Word() },
	}
	for i := 0; i < 20 && d.Err() == nil && !d.atEnd(); i++ {
		elements[(int(seed)+i*7)%len(elements)]()
		d.TakeSP()
	}
	d.End()
}
