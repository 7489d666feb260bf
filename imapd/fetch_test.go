package imapd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"posthorn/store"
)

func crlf(s string) string { return strings.ReplaceAll(s, "|", "\r\n") }

// In these | stands for CRLF.
const (
	plainMail  = "Subject: hi|X-Long: a| b|From: a@b||one|two|"
	multiMail  = "Content-Type: multipart/mixed; boundary=b||--b|X: 1||first|--b|Content-Type: message/rfc822||Subject: in||nested|--b|Content-Transfer-Encoding: base64||aGVsbG8=|--b|Content-Transfer-Encoding: x-odd||odd|--b--|"
	brokenMail = ">From a b c|no colon here|Subject: s||body|"
	qpNULMail  = "Content-Transfer-Encoding: quoted-printable||a=00b"
)

func TestFetchItems(t *testing.T) {
	f := newFake(crlf(plainMail), crlf(multiMail), crlf(brokenMail), crlf(qpNULMail))
	f.rows[0].Flags = store.FlagSeen | 1<<store.KeywordBase
	for i := range f.rows {
		f.rows[i].Flags |= store.FlagSeen
	}
	s, out := fakeSession(f)
	tests := []struct{ args, want string }{
		{"1 FLAGS", `* 1 FETCH (FLAGS (\Seen $Work))|`},
		{"2 uid", "* 2 FETCH (UID 20)|"},
		{"1 (UID INTERNALDATE RFC822.SIZE)", `* 1 FETCH (UID 10 INTERNALDATE "02-Nov-2026 09:08:07 +0100" RFC822.SIZE 51)|`},
		{"1 FAST", `* 1 FETCH (FLAGS (\Seen $Work) INTERNALDATE "02-Nov-2026 09:08:07 +0100" RFC822.SIZE 51)|`},
		{"1 ENVELOPE", `* 1 FETCH (ENVELOPE (NIL "hi" ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL))|`},
		{"1 BODY", `* 1 FETCH (BODY ("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 10 2))|`},
		{"1 (BODYSTRUCTURE)", `* 1 FETCH (BODYSTRUCTURE ("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 10 2 NIL NIL NIL NIL))|`},
		{"1 FULL", `* 1 FETCH (FLAGS (\Seen $Work) INTERNALDATE "02-Nov-2026 09:08:07 +0100" RFC822.SIZE 51 ENVELOPE (NIL "hi" ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL) BODY ("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 10 2))|`},
		{"1 BODY[]", "* 1 FETCH (BODY[] {51}|" + plainMail + ")|"},
		{"1 BODY.PEEK[]<4.3>", "* 1 FETCH (BODY[]<4> {3}|ect)|"},
		{"1 BODY[]<1000.3>", "* 1 FETCH (BODY[]<1000> {0}|)|"},
		{"1 BODY[]<40.300>", "* 1 FETCH (BODY[]<40> {11}|\none|two|)|"},
		{"1 BODY[TEXT]", "* 1 FETCH (BODY[TEXT] {10}|one|two|)|"},
		{"1 BODY[TEXT]<2.4>", "* 1 FETCH (BODY[TEXT]<2> {4}|e|t)|"},
		{"1 body.peek[header]", "* 1 FETCH (BODY[HEADER] {41}|Subject: hi|X-Long: a| b|From: a@b||)|"},
		{"1 BODY[HEADER]<9.2>", "* 1 FETCH (BODY[HEADER]<9> {2}|hi)|"},
		{"1 BODY.PEEK[HEADER.FIELDS (from x-long)]", "* 1 FETCH (BODY[HEADER.FIELDS (from x-long)] {28}|X-Long: a| b|From: a@b||)|"},
		{"1 BODY.PEEK[HEADER.FIELDS (None \"a]\")]", "* 1 FETCH (BODY[HEADER.FIELDS (None \"a]\")] {2}||)|"},
		{"1 BODY.PEEK[HEADER.FIELDS.NOT (Subject X-Long)]", "* 1 FETCH (BODY[HEADER.FIELDS.NOT (Subject X-Long)] {13}|From: a@b||)|"},
		{"1 BODY[1]", "* 1 FETCH (BODY[1] {10}|one|two|)|"},
		{"1 BODY[1.MIME]", "* 1 FETCH (BODY[1.MIME] {41}|Subject: hi|X-Long: a| b|From: a@b||)|"},
		{"1 BODY[2]", "* 1 FETCH (BODY[2] NIL)|"},
		{"1 BODY[1.TEXT]", "* 1 FETCH (BODY[1.TEXT] NIL)|"},
		{"1 (RFC822 RFC822.HEADER)", "* 1 FETCH (RFC822 {51}|" + plainMail + " RFC822.HEADER {41}|Subject: hi|X-Long: a| b|From: a@b||)|"},
		{"1 RFC822.TEXT", "* 1 FETCH (RFC822.TEXT {10}|one|two|)|"},
		{"2 (BODY[1] BODY[1.MIME])", "* 2 FETCH (BODY[1] {5}|first BODY[1.MIME] {8}|X: 1||)|"},
		{"2 (BODY[2] BODY[2.HEADER] BODY[2.TEXT] BODY[2.1])", "* 2 FETCH (BODY[2] {21}|Subject: in||nested BODY[2.HEADER] {15}|Subject: in|| BODY[2.TEXT] {6}|nested BODY[2.1] {6}|nested)|"},
		{"2 BODY[2.HEADER.FIELDS (Subject)]", "* 2 FETCH (BODY[2.HEADER.FIELDS (Subject)] {15}|Subject: in||)|"},
		{"2 BODY[1.HEADER]", "* 2 FETCH (BODY[1.HEADER] NIL)|"},
		{"2 (BODY[3] BINARY[3] BINARY.SIZE[3] BINARY.PEEK[3]<1.2>)", "* 2 FETCH (BODY[3] {8}|aGVsbG8= BINARY[3] {5}|hello BINARY.SIZE[3] 5 BINARY[3]<1> {2}|el)|"},
		{"2 (BINARY.SIZE[9] BINARY[9])", "* 2 FETCH (BINARY.SIZE[9] 0 BINARY[9] NIL)|"},
		{"3 BODY[]", "* 3 FETCH (BODY[] {48}|" + brokenMail + ")|"},
		{"3 (BODY[HEADER] BODY[TEXT])", "* 3 FETCH (BODY[HEADER] {42}|>From a b c|no colon here|Subject: s|| BODY[TEXT] {6}|body|)|"},
		{"3 BODY[HEADER.FIELDS.NOT (Subject)]", "* 3 FETCH (BODY[HEADER.FIELDS.NOT (Subject)] {30}|>From a b c|no colon here||)|"},
		{"4 BINARY[1]", "* 4 FETCH (BINARY[1] ~{3}|a\x00b)|"},
		{"1,3:4 UID", "* 1 FETCH (UID 10)|* 3 FETCH (UID 30)|* 4 FETCH (UID 40)|"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			got, err := runFetch(t, s, out, f, tt.args, false)
			if err != nil || got != crlf(tt.want) {
				t.Errorf("%v\ngot  %q\nwant %q", err, got, crlf(tt.want))
			}
		})
	}
}

func TestFetchSyntax(t *testing.T) {
	for _, args := range []string{
		"1", "1 ", "1 ()", "1 NOTHING", "1 (ALL)", "1 (FLAGS", "1 FLAGS)", "1 FLAGS UID", "1 BODY[", "1 BODY[]<", "1 BODY[]<1>", "1 BODY[]<1.0>", "1 BODY[]<-1.1>",
		"1 BODY[0]", "1 BODY[1.0]", "1 BODY[MIME]", "1 BODY[1.]", "1 BODY[HEADER.FIELDS]", "1 BODY[HEADER.FIELDS ()]", "1 BODY[HEADER.FIELDS (\"a b\")]", "1 BODY[HEADER.FIELDS (\"\")]",
		"1 BODY[ALL]", "1 BODY[1.2.X]", "1 BODY[99999999999]", "1 BINARY[TEXT]", "1 BINARY[1.MIME]", "1 FLAGS[]", "1 BINARY.SIZE.PEEK[1]", "1 BINARY.SIZE[1]<0.1>", "1 BINARY", "1 X-EMAILID",
		"1 MODSEQS", "1 BODY.PEEK", "0 FLAGS", "1:2 (" + strings.Repeat("UID ", 200) + "UID)",
	} {
		f := newFake(crlf(plainMail))
		s, out := fakeSession(f)
		_, err := runFetch(t, s, out, f, args, false)
		if r, _ := replyFor(errOr(err)); r.status != "BAD" {
			t.Errorf("%q: %v, want BAD", args, err)
		}
	}
}

func errOr(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

func TestFetchSetsSeen(t *testing.T) {
	tests := []struct {
		args     string
		readOnly bool
		flagsErr error
		want     string
	}{
		{args: "1 BODY[TEXT]", want: `* 1 FETCH (BODY[TEXT] {10}|one|two| FLAGS (\Seen))|`},
		{args: "1 (FLAGS BODY[TEXT])", want: `* 1 FETCH (FLAGS (\Seen) BODY[TEXT] {10}|one|two|)|`},
		{args: "1 BODY[HEADER.FIELDS (From)]", want: `* 1 FETCH (BODY[HEADER.FIELDS (From)] {13}|From: a@b|| FLAGS (\Seen))|`},
		{args: "1 RFC822.TEXT", want: `* 1 FETCH (RFC822.TEXT {10}|one|two| FLAGS (\Seen))|`},
		{args: "1 BINARY[1]", want: `* 1 FETCH (BINARY[1] {10}|one|two| FLAGS (\Seen))|`},
		{args: "1 BODY.PEEK[TEXT]", want: `* 1 FETCH (BODY[TEXT] {10}|one|two|)|`},
		{args: "1 RFC822.HEADER", want: `* 1 FETCH (RFC822.HEADER {41}|Subject: hi|X-Long: a| b|From: a@b||)|`},
		{args: "1 BINARY.SIZE[1]", want: `* 1 FETCH (BINARY.SIZE[1] 10)|`},
		{args: "1 (BODY[TEXT] FLAGS)", readOnly: true, want: `* 1 FETCH (BODY[TEXT] {10}|one|two| FLAGS ())|`},
		{args: "1 (BODY[TEXT] FLAGS)", flagsErr: store.ErrNoSpace, want: `* 1 FETCH (BODY[TEXT] {10}|one|two| FLAGS ())|`},
	}
	for _, tt := range tests {
		f := newFake(crlf(plainMail))
		f.flagsErr = tt.flagsErr
		s, out := fakeSession(f)
		s.view.readOnly = tt.readOnly
		got, err := runFetch(t, s, out, f, tt.args, false)
		if err != nil || got != crlf(tt.want) {
			t.Errorf("%s: %v\ngot  %q\nwant %q", tt.args, err, got, crlf(tt.want))
		}
		seen := strings.Contains(tt.want, `\Seen`)
		if (f.rows[0].Flags&store.FlagSeen != 0) != seen || (s.view.seen.row(1).Flags&store.FlagSeen != 0) != seen {
			t.Errorf("%s: flags %b, the view has %b", tt.args, f.rows[0].Flags, s.view.seen.row(1).Flags)
		}
	}
}

func TestUIDFetchPassesOverWhatIsGone(t *testing.T) {
	f := newFake(crlf(plainMail), crlf(plainMail))
	s, out := fakeSession(f)
	for args, want := range map[string]string{
		"10,15,20 UID":   "* 1 FETCH (UID 10)|* 2 FETCH (UID 20)|",
		"15 (FLAGS)":     "",
		"20:* FLAGS":     "* 2 FETCH (UID 20 FLAGS ())|",
		"900:* FLAGS":    "* 2 FETCH (UID 20 FLAGS ())|",
		"10 (FLAGS UID)": "* 1 FETCH (FLAGS () UID 10)|",
	} {
		if got, err := runFetch(t, s, out, f, args, true); err != nil || got != crlf(want) {
			t.Errorf("%s: %q, %v", args, got, err)
		}
	}
}

// What cannot be given is known before its literal is announced, and the
// other messages are sent.
func TestFetchOfDamagedAndExpunged(t *testing.T) {
	lost := errors.New("disk on fire")
	tests := []struct {
		name string
		harm func(f *fakeMessages)
		args string
		sent string // UIDs
		code string
	}{
		{"content missing", func(f *fakeMessages) { f.openErr[20] = store.ErrCorrupt }, "1:3 (UID BODY.PEEK[])", "10 30", "CORRUPTION"},
		{"no digest for content missing", func(f *fakeMessages) { f.openErr[20] = store.ErrCorrupt }, "1:3 (UID ENVELOPE)", "10 30", "CORRUPTION"},
		{"its flags are there", func(f *fakeMessages) { f.openErr[20] = store.ErrCorrupt }, "1:3 (UID FLAGS RFC822.SIZE)", "10 20 30", ""},
		{"content of another size", func(f *fakeMessages) { f.sizes[20] = 7 }, "1:3 (UID BODY.PEEK[])", "10 30", "CORRUPTION"},
		{"expunged and purged", func(f *fakeMessages) { f.gone[20] = true }, "1:3 (UID BODY.PEEK[])", "10 30", "EXPUNGEISSUED"},
		{"expunged, flags", func(f *fakeMessages) { f.gone[20] = true }, "1:3 (UID FLAGS)", "10 20 30", ""},
		{"content purged", func(f *fakeMessages) { f.openErr[20] = fmt.Errorf("%w: %w", store.ErrExpunged, store.ErrCorrupt) }, "1:3 (UID BODY.PEEK[])", "10 30", "EXPUNGEISSUED"},
		{"damage before absence", func(f *fakeMessages) { f.gone[10] = true; f.openErr[20] = store.ErrCorrupt }, "1:3 (UID BODY.PEEK[])", "30", "CORRUPTION"},
		{"absence after damage", func(f *fakeMessages) { f.gone[30] = true; f.openErr[20] = store.ErrCorrupt }, "1:3 (UID BODY.PEEK[])", "10", "CORRUPTION"},
		{"unknown transfer encoding", func(f *fakeMessages) {}, "1:3 (UID BINARY.PEEK[4])", "10 30", "UNKNOWN-CTE"},
		{"store failing", func(f *fakeMessages) { f.openErr[20] = lost }, "1:3 (UID BODY.PEEK[])", "", "UNAVAILABLE"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(crlf(plainMail), crlf(multiMail), crlf(plainMail))
			tt.harm(f)
			s, out := fakeSession(f)
			got, err := runFetch(t, s, out, f, tt.args, false)
			var sent []string
			for line := range strings.Lines(got) {
				if _, rest, ok := strings.Cut(line, " FETCH (UID "); ok {
					uid, _, _ := strings.Cut(strings.TrimRight(rest, ")\r\n"), " ")
					sent = append(sent, uid)
				}
			}
			code := ""
			if err != nil {
				r, _ := replyFor(err)
				code = r.code
			}
			if strings.Join(sent, " ") != tt.sent || code != tt.code {
				t.Errorf("sent %v, code %q; want %s, %q", sent, code, tt.sent, tt.code)
			}
		})
	}
}

func TestFetchKeepsUnseenWhatCannotBeRead(t *testing.T) {
	f := newFake(crlf(plainMail), crlf(plainMail))
	f.openErr[10] = store.ErrCorrupt
	s, out := fakeSession(f)
	if _, err := runFetch(t, s, out, f, "1:2 BODY[]", false); !errors.Is(err, store.ErrCorrupt) {
		t.Fatal(err)
	}
	if f.rows[0].Flags != 0 || f.rows[1].Flags != store.FlagSeen {
		t.Errorf("flags %b and %b", f.rows[0].Flags, f.rows[1].Flags)
	}
}

func TestFetchReadErrorLosesTheConnection(t *testing.T) {
	f := newFake(crlf(plainMail), crlf(plainMail))
	f.readErr[10] = io.ErrUnexpectedEOF
	s, out := fakeSession(f)
	var log bytes.Buffer
	s.log = slog.New(slog.NewTextHandler(&log, nil))
	if _, err := runFetch(t, s, out, f, "1:2 BODY.PEEK[]", false); err != nil || s.out.Err() == nil {
		t.Errorf("a literal was cut short and the connection goes on: %v, %v", err, s.out.Err())
	}
	if !strings.Contains(log.String(), "uid=10") {
		t.Errorf("the log says %q", log.String())
	}
}

func TestFetchLongHeaderIsReadFromTheContent(t *testing.T) {
	head := "Subject: s\r\n" + strings.Repeat("X: "+strings.Repeat("y", 70)+"\r\n", 1000) + "\r\n"
	f := newFake(head + "body")
	s, out := fakeSession(f)
	got, err := runFetch(t, s, out, f, "1 BODY.PEEK[HEADER]", false)
	if want := fmt.Sprintf("* 1 FETCH (BODY[HEADER] {%d}\r\n%s)\r\n", len(head), head); err != nil || got != want {
		t.Errorf("%d octets, %v; want %d", len(got), err, len(want))
	}
	got, err = runFetch(t, s, out, f, "1 BODY.PEEK[HEADER.FIELDS (Subject)]", false)
	if want := "* 1 FETCH (BODY[HEADER.FIELDS (Subject)] {14}\r\nSubject: s\r\n\r\n)\r\n"; err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFetchOpensNothingForDigestsAndFewFilesAtOnce(t *testing.T) {
	texts := make([]string, 100)
	for i := range texts {
		texts[i] = crlf(plainMail)
	}
	f := newFake(texts...)
	s, out := fakeSession(f)
	runFetch(t, s, out, f, "1:* (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (From To)] BODY.PEEK[HEADER])", false)
	if len(f.opened) != 0 {
		t.Errorf("%d files were opened", len(f.opened))
	}
	got, err := runFetch(t, s, out, f, "1:* BODY[]", false)
	if n := strings.Count(got, "FETCH (BODY[] {51}"); err != nil || n != 100 || f.maxOpen > contentBlock {
		t.Errorf("%d responses, %v, %d files open at once", n, err, f.maxOpen)
	}
}

// FuzzFetchItems: what is taken without error has a label that reads back to
// the same label.
func FuzzFetchItems(f *testing.F) {
	for _, s := range []string{"BODY[1.2.HEADER.FIELDS (a \"b]\")]<1.2>", "(FLAGS BINARY.SIZE[3] RFC822)", "FULL", "BODY.PEEK[]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "\r\n") {
			t.Skip()
		}
		d := decoderOf(s)
		items := takeFetchItems(d)
		if d.End() != nil {
			return
		}
		if len(items) == 0 || len(items) > maxFetchItems {
			t.Fatalf("%d items", len(items))
		}
		for _, it := range items {
			label := it.label
			if it.section != nil && it.partial {
				label = strings.TrimSuffix(label, ">") + "." + strconv.FormatInt(it.length, 10) + ">"
			}
			d := decoderOf(label)
			again := takeFetchItems(d)
			if err := d.End(); err != nil || len(again) != 1 || again[0].label != it.label {
				t.Fatalf("%q: label %q reads back as %v, %v", s, it.label, again, err)
			}
		}
	})
}
