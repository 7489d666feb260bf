package wire

import (
	"testing"
	"unicode/utf8"
)

func TestUTF7(t *testing.T) {
	for encoded, name := range map[string]string{
		"INBOX":                           "INBOX",
		"Entw&APw-rfe":                    "Entwürfe",
		"&ZeVnLIqe-":                      "日本語",
		"~peter/mail/&U,BTFw-/&ZeVnLIqe-": "~peter/mail/台北/日本語", // RFC 3501 §5.1.3
		"A&-B":                            "A&B",
		"&2D3eAA-":                        "😀",
		"&AOQ-&-":                         "ä&",
	} {
		if got, ok := decodeUTF7(encoded); got != name || !ok {
			t.Errorf("decode %q: %q, %v", encoded, got, ok)
		}
		if got := encodeUTF7(name); got != encoded {
			t.Errorf("encode %q: %q, want %q", name, got, encoded)
		}
	}
	for name, s := range map[string]string{
		"a shift without its end":    "&AOQ",
		"8-bit":                      "\xc3\xa4",
		"a control character":        "a\tb",
		"ASCII in BASE64":            "&AGE-",
		"half a character":           "&AA-",
		"half a surrogate pair":      "&2D0-",
		"surrogates in wrong order":  "&3gDYPQ-",
		"shifts that could be one":   "&AOQ-&AOQ-",
		"bits left over":             "&AOR-",
		"another alphabet":           "&AO/-",
		"a shift within another one": "&AO&A-",
	} {
		if got, ok := decodeUTF7(s); ok {
			t.Errorf("%s: %q decoded to %q", name, s, got)
		}
	}
}

// FuzzUTF7: names have one encoding, so what decodes encodes to itself.
func FuzzUTF7(f *testing.F) {
	f.Add("Entw&APw-rfe")
	f.Add("&2D3eAA-&-")
	f.Fuzz(func(t *testing.T, s string) {
		if name, ok := decodeUTF7(s); ok {
			if !utf8.ValidString(name) {
				t.Fatalf("%q decoded to invalid UTF-8 %q", s, name)
			}
			if back := encodeUTF7(name); back != s {
				t.Fatalf("%q decoded to %q, which encodes to %q", s, name, back)
			}
		}
		if utf8.ValidString(s) {
			if back, ok := decodeUTF7(encodeUTF7(s)); !ok || back != s {
				t.Fatalf("%q encoded to %q, which decodes to %q, %v", s, encodeUTF7(s), back, ok)
			}
		}
	})
}
