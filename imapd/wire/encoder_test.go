package wire

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestEncoder(t *testing.T) {
	at := time.Date(2026, 11, 2, 8, 4, 5, 0, time.FixedZone("", -8*3600))
	for _, test := range []struct {
		want  string
		utf8  bool
		write func(*Encoder)
	}{
		{"* 4 EXISTS\r\n", false, func(e *Encoder) { e.Raw("* ").Num(4).Raw(" EXISTS").CRLF() }},
		{`"a \"b\" \\ c"`, false, func(e *Encoder) { e.String(`a "b" \ c`) }},
		{"{3}\r\na\r\n", false, func(e *Encoder) { e.String("a\r\n") }},
		{"{2}\r\nä", false, func(e *Encoder) { e.String("ä") }},
		{`"ä"`, true, func(e *Encoder) { e.String("ä") }},
		{"{1}\r\n\xe4", true, func(e *Encoder) { e.String("\xe4") }},
		{`NIL ""`, false, func(e *Encoder) { e.NString("", false).SP().NString("", true) }},
		{`INBOX "Entw&APw-rfe"`, false, func(e *Encoder) { e.Mailbox("INBOX").SP().Mailbox("Entwürfe") }},
		{`"Entwürfe"`, true, func(e *Encoder) { e.Mailbox("Entwürfe") }},
		{`"02-Nov-2026 08:04:05 -0800"`, false, func(e *Encoder) { e.DateTime(at) }},
		{`() (\Seen a)`, false, func(e *Encoder) { e.List(nil).SP().List([]string{`\Seen`, "a"}) }},
		{"a b  c", false, func(e *Encoder) { e.Text("a b\r\nc") }},
		{"{3}\r\nabc)", false, func(e *Encoder) { e.Literal(3, strings.NewReader("abcdef")).Raw(")") }},
	} {
		var b bytes.Buffer
		e := NewEncoder(bufio.NewWriter(&b))
		e.UTF8 = test.utf8
		test.write(e)
		if err := e.Flush(); err != nil || b.String() != test.want {
			t.Errorf("wrote %q, %v, want %q", b.String(), err, test.want)
		}
	}
}

// A literal that was announced and is not all there cannot be mended: nothing
// may follow it.
func TestShortLiteral(t *testing.T) {
	var b bytes.Buffer
	e := NewEncoder(bufio.NewWriter(&b))
	e.Literal(9, strings.NewReader("abc")).Raw("t OK done")
	if err := e.Flush(); err == nil || strings.Contains(b.String(), "OK") {
		t.Errorf("wrote %q, %v", b.String(), err)
	}
}
