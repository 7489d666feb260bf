package store

import (
	"strings"
	"testing"
	"unicode/utf8"

	"posthorn/message"
)

func TestFileInfoIsReadBack(t *testing.T) {
	if s := FileInfo(7, FlagSeen|FlagFlagged|1<<KeywordBase|1<<(KeywordBase+26)|1<<(KeywordBase+36)); s != ",U=7:2,0AFSa" {
		t.Errorf("info %q", s)
	}
	if len(keywordLetters) != MaxKeywords {
		t.Errorf("%d letters for %d keywords", len(keywordLetters), MaxKeywords)
	}
	for bit := range 64 {
		f := Flags(1) << bit
		if f&systemFlags == 0 && bit < KeywordBase {
			continue // no flag
		}
		uid, got, err := ParseFileInfo(FileInfo(1<<32-1, f))
		if err != nil || uid != 1<<32-1 || got != f {
			t.Errorf("bit %d: UID %d, flags %x, %v", bit, uid, got, err)
		}
	}
	for info, want := range map[string]Flags{"": 0, ":2,": 0, ":2,S": FlagSeen, ",W=12:2,RT": FlagAnswered | FlagDeleted, ":1,x": 0} {
		if _, f, err := ParseFileInfo(info); f != want || err != nil {
			t.Errorf("%q: flags %x, %v", info, f, err)
		}
	}
	if _, _, err := ParseFileInfo(",U=x:2,"); err == nil {
		t.Error("a UID without digits")
	}
}

func TestFolderName(t *testing.T) {
	for name, want := range map[string]string{
		"INBOX": "", "INBOX/a": ".INBOX.a", "Sent": ".Sent", "a/b c": ".a.b c", "v1.2": ".v1%2E2", "100%": ".100%25", "ä": ".ä", "a~2": ".a%7E2",
	} {
		if got := FolderName(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func FuzzFolderName(f *testing.F) {
	for _, s := range []string{"INBOX", "a/b.c", strings.Repeat("ä", 200), strings.Repeat(".", 200), strings.Repeat("a/", 300) + "a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := mailboxName(s)
		if err != nil {
			return
		}
		if again, err := mailboxName(name); err != nil || again != name {
			t.Fatalf("%q is not stable: %q, %v", name, again, err)
		}
		got := FolderName(name)
		if strings.ContainsAny(got, "/\\\x00:") || len(got) > 255 || !utf8.ValidString(got) || name != "INBOX" && (got == "" || got[0] != '.') || got == "." || got == ".." {
			t.Fatalf("%q: folder %q", name, got)
		}
	})
}

func TestMailboxName(t *testing.T) {
	for name, want := range map[string]string{
		"inbox": "INBOX", "InBox/a": "INBOX/a", "a/inbox": "a/inbox", "Ko\u0308ln": "K\u00f6ln",
		"": "", "/a": "", "a/": "", "a//b": "", "a\nb": "", "\xff": "", "..": "", strings.Repeat("x", 1001): "",
	} {
		got, err := mailboxName(name)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}

func TestFactsOfTheHeader(t *testing.T) {
	var b Blob
	b.describe(message.ParseHeader([]byte("Message-id: <a b@x> <second@x>\r\nReferences: junk <1@x>\r\n\t<2@x><3@x> <open\r\nIn-Reply-To: <3@x>\r\n" +
		"Subject: Re: =?utf-8?q?caf=C3=A9?=\r\n\r\n")))
	if b.MessageID != "ab@x" || strings.Join(b.References, " ") != "1@x 2@x 3@x 3@x" || !strings.EqualFold(b.Subject, "café") {
		t.Errorf("%+v", b)
	}
	b = Blob{}
	b.describe(message.ParseHeader([]byte("References: " + strings.Repeat("<r@x> ", 1000) + "\r\n\r\n")))
	if len(b.References) != maxReferences {
		t.Errorf("%d references", len(b.References))
	}
}

func TestHeaderReaderStopsAtTheEmptyLine(t *testing.T) {
	for _, size := range []int{1, 2, 3, 1000} {
		h := headerReader{r: strings.NewReader("A: b\r\n\r\n" + strings.Repeat("x", 2000))}
		for buf := make([]byte, size); ; {
			if _, err := h.Read(buf); err != nil {
				break
			}
		}
		if got := string(h.section()); got != "A: b\r\n\r\n" {
			t.Errorf("reads of %d: %q", size, got)
		}
	}
}
