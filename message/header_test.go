package message

import (
	"bytes"
	"testing"
)

func TestParseHeaderTakesAnyLine(t *testing.T) {
	tests := []struct {
		name, in    string
		field, want string
		fields      int
	}{
		{"plain", "Subject: hello\r\n\r\nSubject: body\r\n", "subject", "hello", 1},
		{"bare LF", "Subject: x\n\nbody", "Subject", "x", 1},
		{"folded", "Subject: a\r\n b\r\n\tc\r\n\r\n", "Subject", "a b\tc", 1},
		{"empty value folded", "Subject:\r\n x\r\n\r\n", "Subject", "x", 1},
		{"no blank line", "Subject: x\r\n", "Subject", "x", 1},
		{"no line end", "Subject: x", "Subject", "x", 1},
		{"space before colon", "Subject : y\r\n\r\n", "Subject", "y", 1},
		{"line without colon", "From: a@b.c\r\nBroken line\r\nSubject: x\r\n\r\n", "Subject", "x", 3},
		{"mbox From line", "From x@y Mon Jan 1 10:00:00\r\nSubject: x\r\n\r\n", "Subject", "x", 2},
		{"leading space", " leading\r\n more\r\nSubject: x\r\n\r\n", "Subject", "x", 2},
		{"empty name", ": v\r\nSubject: x\r\n\r\n", "Subject", "x", 2},
		{"NUL in value", "Subject: n\x00ul\r\n\r\n", "Subject", "n\x00ul", 1},
		{"UTF-8", "Subject: grüß\r\n\r\n", "Subject", "grüß", 1},
		{"empty", "", "Subject", "", 0},
		{"blank first", "\r\nSubject: x\r\n", "Subject", "", 0},
		{"first of two", "To: a\r\nTo: b\r\n\r\n", "to", "a", 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := ParseHeader([]byte(tt.in))
			if got := h.Get(tt.field); got != tt.want {
				t.Errorf("Get(%s) = %q, want %q", tt.field, got, tt.want)
			}
			if len(h.Fields()) != tt.fields {
				t.Errorf("%d fields, want %d", len(h.Fields()), tt.fields)
			}
		})
	}
}

func TestHeaderAllAndHas(t *testing.T) {
	h := ParseHeader([]byte("To: a\r\nX-Empty:\r\nTO: b\r\nbad\r\n\r\n"))
	if got := h.All("to"); len(got) != 2 || got[0] != "a" || got[1] != "b" {
		t.Errorf("All(to) = %q", got)
	}
	if !h.Has("x-empty") || h.Has("subject") {
		t.Error("Has: want x-empty and not subject")
	}
	if v := h.Fields()[3].Value(); v != "bad" {
		t.Errorf("value of a malformed line = %q", v)
	}
}

// What is picked out of the list fields is what is picked out of the header.
func TestListFields(t *testing.T) {
	header := []byte("Received: x\r\nFROM : a\r\n b\r\nno field\r\nList-Id: l\r\nsubject: s\r\nDKIM-Signature: d\r\n\tContent-Type: no\r\nContent-Type: text/plain\r\n\r\nTo: body\r\n")
	list := AppendListFields(nil, header)
	if bytes.Contains(list, []byte("DKIM")) || bytes.Contains(list, []byte("body")) || !bytes.HasSuffix(list, []byte("\r\n\r\n")) {
		t.Errorf("list fields %q", list)
	}
	for _, names := range [][]string{{"From"}, {"LIST-ID", "Subject"}, {"content-type", "To"}, {"Bcc"}} {
		want, got := AppendFields(nil, header, names, false), AppendFields(nil, list, names, false)
		if !bytes.Equal(want, got) {
			t.Errorf("%v: %q, want %q", names, got, want)
		}
	}
}

func TestAppendFields(t *testing.T) {
	const header = "To: a\r\n b\r\nbad line\r\nX-One : 1\r\nto: c\r\n\r\nTo: body\r\n"
	tests := []struct {
		names []string
		not   bool
		want  string
	}{
		{[]string{"TO"}, false, "To: a\r\n b\r\nto: c\r\n\r\n"},
		{[]string{"x-one", "none"}, false, "X-One : 1\r\n\r\n"},
		{[]string{"none"}, false, "\r\n"},
		{[]string{"to", "x-one"}, true, "bad line\r\n\r\n"},
	}
	for _, tt := range tests {
		if got := AppendFields(nil, []byte(header), tt.names, tt.not); string(got) != tt.want {
			t.Errorf("%v, not %v: %q, want %q", tt.names, tt.not, got, tt.want)
		}
	}
	if got := AppendFields(nil, []byte("To: a"), []string{"To"}, false); string(got) != "To: a\r\n\r\n" {
		t.Errorf("without a line end: %q", got)
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add([]byte("Subject: a\r\n b\r\n\r\nbody"))
	f.Add([]byte(" x\n:\n\x00:\r\r\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var all []byte
		for _, fd := range ParseHeader(b).Fields() {
			all = append(all, fd.Raw...)
			if bytes.ContainsAny([]byte(fd.Name), " \t\r\n:") {
				t.Errorf("name %q", fd.Name)
			}
			if v := fd.Value(); bytes.IndexByte([]byte(v), '\n') >= 0 {
				t.Errorf("value %q holds a line feed", v)
			}
		}
		if !bytes.HasPrefix(b, all) {
			t.Fatalf("fields are not the start of the header")
		}
		rest := b[len(all):]
		if len(rest) > 0 && rest[0] != '\n' && !bytes.HasPrefix(rest, []byte("\r\n")) {
			t.Fatalf("header ended before an empty line: %q", rest)
		}
	})
}
