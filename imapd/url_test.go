package imapd

import (
	"reflect"
	"testing"
)

func TestParseURL(t *testing.T) {
	for in, want := range map[string]messageURL{
		"/INBOX/;UID=20":                         {mailbox: "INBOX", uid: 20},
		";UID=20":                                {uid: 20},
		"/inbox;UIDVALIDITY=385759045/;UID=20":   {mailbox: "INBOX", validity: 385759045, uid: 20},
		"/a/b%3Bc%20%C3%A4/;uid=1/;section=1.2":  {mailbox: "a/b;c ä", uid: 1, section: section{path: []int{1, 2}}},
		"/a/;UID=1/;SECTION=1.MIME/;PARTIAL=5":   {mailbox: "a", uid: 1, section: section{path: []int{1}, text: "MIME", partial: true, offset: 5, length: 1 << 62}},
		"/a/;UID=1/;PARTIAL=0.1024":              {mailbox: "a", uid: 1, section: section{partial: true, length: 1024}},
		"/a/;UID=1/;SECTION=HEADER.FIELDS%20(A)": {mailbox: "a", uid: 1, section: section{text: "HEADER.FIELDS", fields: []string{"A"}}},
	} {
		if got, err := parseURL(in); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{
		"", "/", "/a", "/a/", "/a/;UID=0", "/a/;UID=x", "/a/;UID=1/;UID=2", "/;UID=1", "a/;UID=1", "//host/a/;UID=1", "imap://host/a/;UID=1",
		"/a;UIDVALIDITY=0/;UID=1", "/a;X=1/;UID=1", "/%zz/;UID=1", "/a/;UID=1/;SECTION=9999999999999", "/a/;UID=1/;SECTION={3}",
		"/a/;UID=1/;SECTION=MIME", "/a/;UID=1/;PARTIAL=-1", "/a/;UID=1/;PARTIAL=1.0", "/a/;UID=1/;PARTIAL=1/;SECTION=1", "/a/;UID=1?x",
		"/a/;UID=1/;URLAUTH=anonymous",
	} {
		if got, err := parseURL(in); err == nil {
			t.Errorf("%q was taken for %+v", in, got)
		}
	}
}

// FuzzURL: what is taken names a message, and a range that can be read.
func FuzzURL(f *testing.F) {
	f.Add("/INBOX;UIDVALIDITY=3/;UID=20/;SECTION=HEADER.FIELDS%20(A%20{3})/;PARTIAL=1.2")
	f.Fuzz(func(t *testing.T, in string) {
		u, err := parseURL(in)
		if err == nil && (u.uid == 0 || u.section.offset < 0 || u.section.partial != (u.section.length > 0)) {
			t.Fatalf("%q was taken for %+v", in, u)
		}
		for _, c := range urlText(in) {
			if c <= ' ' || c > '~' || c == ']' || c == '"' {
				t.Fatalf("%q would be written %q", in, urlText(in))
			}
		}
	})
}
