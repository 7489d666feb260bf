package message

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestThreading(t *testing.T) {
	for _, c := range []struct {
		name, header string
		want         Threading
	}{
		{"nothing", "", Threading{}},
		{"a reply", "Subject: Re: =?utf-8?q?caf=C3=A9?=\r\nMessage-ID: <3@x>\r\nReferences: <1@x>\r\n <2@x>\r\nIn-Reply-To: <9@x>\r\n",
			Threading{"café", true, "3@x", []string{"1@x", "2@x"}}},
		{"In-Reply-To counts once, and only without References", "In-Reply-To: <8@x> <9@x>\r\n", Threading{References: []string{"8@x"}}},
		{"an id that was folded", "Message-ID: <a\r\n b@x>\r\n", Threading{ID: "ab@x"}},
		{"too many references", "References: " + strings.Repeat("<1@x> ", 5) + strings.Repeat("<2@x> ", maxIDs) + "\r\n",
			Threading{References: strings.Fields("1@x " + strings.Repeat("2@x ", maxIDs-1))}},
	} {
		b := AppendThreading(nil, ParseHeader([]byte(c.header)))
		got, err := ParseThreading(b)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v, want %+v", c.name, got, err, c.want)
		}
		for n := range b {
			if _, err := ParseThreading(b[:n]); err == nil {
				t.Errorf("%s: %d of %d octets are read without an error", c.name, n, len(b))
			}
		}
	}
}

func TestSent(t *testing.T) {
	other := time.Unix(1, 0)
	if got := Sent(ParseHeader([]byte("Date: Mon, 2 Nov 2026 09:00:00 +0100\r\n")), other); got.Unix() != time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC).Unix() {
		t.Errorf("sent %v", got)
	}
	if got := Sent(ParseHeader([]byte("Date: yesterday\r\n")), other); !got.Equal(other) {
		t.Errorf("sent %v", got)
	}
}

// What is read of any octets can be told again, and a header's own words come
// back.
func FuzzThreading(f *testing.F) {
	f.Add([]byte("Subject: Re: a\r\nMessage-ID: <1@x>\r\nReferences: <2@x> <3@x>\r\n\r\n"))
	f.Add([]byte{1, 2, 'a', 'b', 0, 1, 1, 'c'})
	f.Fuzz(func(t *testing.T, b []byte) {
		ParseThreading(b) // of damaged octets: an error at most
		h := ParseHeader(b)
		got, err := ParseThreading(AppendThreading(nil, h))
		subject, reply := BaseSubject(DecodeWords(h.Get("Subject")))
		if err != nil || got.Subject != subject || got.Reply != reply {
			t.Errorf("%+v, %v, want %q, %v", got, err, subject, reply)
		}
	})
}
