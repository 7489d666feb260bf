package imapd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// runSearch gives the message numbers a program finds.
func runSearch(t testing.TB, s *session, f *fakeMessages, program string) ([]uint32, error) {
	t.Helper()
	p := parser{d: decoderOf(program), utf8: s.utf8}
	_, key := p.program()
	if err := p.d.End(); err != nil {
		return nil, err
	}
	if p.err != nil {
		return nil, p.err
	}
	found, err := (&finder{s: s, box: f, seen: s.view.seen, key: bind(key, s.view)}).run(context.Background())
	numbers := []uint32{}
	for _, h := range found {
		numbers = append(numbers, h.n)
	}
	if f.open != 0 {
		t.Errorf("%s: %d files left open", program, f.open)
	}
	return numbers, err
}

// searchBox has five messages. INTERNALDATEs are 2 to 6 November 2026, +0100.
func searchBox() *fakeMessages {
	f := newFake(
		crlf("Date: Sun, 1 Nov 2026 23:30:00 -0800|From: =?utf-8?q?J=C3=B6rg?= <joerg@a.example>|To: Ann <ann@b.example>|Cc: c@c.example|Bcc: d@d.example|Subject: =?iso-8859-1?q?Gr=FC=DFe?= from|  home|Message-ID: <1@a>||plain body|"),
		crlf("Date: 3 Nov 2026 01:00 +0000|Subject: second|Content-Type: text/html; charset=iso-8859-1|Content-Transfer-Encoding: quoted-printable||<p>Caf=E9 <b>So</b>ir=E9e</p><script>hidden</script>|"),
		crlf("Subject: third|X-Empty:|Content-Type: multipart/mixed; boundary=b||preamble|--b|Content-Transfer-Encoding: base64||bmVlZGxl|--b|Content-Type: image/png||needle2|--b|Content-Type: message/rfc822||Subject: inner subject||inner text|--b--|"),
		crlf("no header at all|here||broken mail|"),
		"Subject: fifth\r\n\r\n"+strings.Repeat("x", 1000),
	)
	f.rows[0].Flags = store.FlagSeen | store.FlagAnswered
	f.rows[1].Flags = store.FlagFlagged | store.FlagDeleted
	f.rows[2].Flags = store.FlagDraft | 1<<store.KeywordBase
	return f
}

func TestSearchKeys(t *testing.T) {
	tests := []struct {
		program string
		want    []uint32
	}{
		{"ALL", []uint32{1, 2, 3, 4, 5}},
		{"ANSWERED", []uint32{1}}, {"unanswered", []uint32{2, 3, 4, 5}},
		{"DELETED", []uint32{2}}, {"UNDELETED SEEN", []uint32{1}},
		{"DRAFT", []uint32{3}}, {"UNDRAFT", []uint32{1, 2, 4, 5}},
		{"FLAGGED", []uint32{2}}, {"UNFLAGGED", []uint32{1, 3, 4, 5}},
		{"SEEN", []uint32{1}}, {"UNSEEN", []uint32{2, 3, 4, 5}},
		{"KEYWORD $work", []uint32{3}}, {"UNKEYWORD $Work", []uint32{1, 2, 4, 5}}, {"KEYWORD $None", nil}, {"UNKEYWORD $None", []uint32{1, 2, 3, 4, 5}},
		{"RECENT", []uint32{4, 5}}, {"OLD", []uint32{1, 2, 3}}, {"NEW", []uint32{4, 5}},
		{"2:3", []uint32{2, 3}}, {"4:*", []uint32{4, 5}}, {"*", []uint32{5}}, {"9", nil}, {"3:900", []uint32{3, 4, 5}}, {"1,3,5", []uint32{1, 3, 5}},
		{"UID 20:30", []uint32{2, 3}}, {"UID 15", nil}, {"UID 999:*", []uint32{5}}, {"NOT UID 20", []uint32{1, 3, 4, 5}},
		{"$", []uint32{2, 5}}, {"UID $", []uint32{2, 5}}, {"NOT $", []uint32{1, 3, 4}},
		{"NOT SEEN", []uint32{2, 3, 4, 5}}, {"NOT (SEEN ANSWERED)", []uint32{2, 3, 4, 5}}, {"NOT NOT SEEN", []uint32{1}},
		{"OR SEEN DRAFT", []uint32{1, 3}}, {"OR SEEN OR DRAFT FLAGGED", []uint32{1, 2, 3}}, {"OR (SEEN DRAFT) 2", []uint32{2}},
		{"(SEEN) (1:3)", []uint32{1}},
		{"LARGER 1000", []uint32{5}}, {"SMALLER 50", []uint32{4}},
		{"BEFORE 4-Nov-2026", []uint32{1, 2}}, {"ON 04-nov-2026", []uint32{3}}, {"SINCE \"4-Nov-2026\"", []uint32{3, 4, 5}},
		{"SENTBEFORE 2-Nov-2026", []uint32{1}}, {"SENTON 1-Nov-2026", []uint32{1}}, {"SENTON 2-Nov-2026", nil}, {"SENTSINCE 1-Nov-2026", []uint32{1, 2}}, {"NOT SENTSINCE 1-Nov-2026", []uint32{3, 4, 5}},
		{"FROM \"j\xc3\x96RG\"", []uint32{1}}, {"FROM a.example", []uint32{1}}, {"TO Ann", []uint32{1}}, {"CC c@c", []uint32{1}}, {"BCC d@", []uint32{1}}, {"TO c@c", nil},
		{"SUBJECT \"gr\xc3\xbc\xc3\x9fe from  h\"", []uint32{1}}, {"SUBJECT \"\"", []uint32{1, 2, 3, 5}},
		{"HEADER Message-ID <1@", []uint32{1}}, {"HEADER X-Empty \"\"", []uint32{3}}, {"HEADER X-None \"\"", nil}, {"HEADER DATE 2026", []uint32{1, 2}},
		{"BODY \"PLAIN b\"", []uint32{1}}, {"BODY Subject", []uint32{3}}, {"BODY \"caf\xc3\xa9\"", []uint32{2}}, {"BODY \"SOIR\xc3\x89E\"", []uint32{2}}, {"BODY hidden", nil},
		{"BODY needle", []uint32{3}}, {"BODY needle2", nil}, {"BODY \"inner text\"", []uint32{3}}, {"BODY \"inner subject\"", []uint32{3}}, {"BODY broken", []uint32{4}}, {"BODY \"no header\"", nil},
		{"TEXT \"no header\"", []uint32{4}}, {"TEXT third", []uint32{3}}, {"TEXT needle", []uint32{3}}, {"TEXT \"j\xc3\xb6rg\"", []uint32{1}}, {"NOT TEXT subject", []uint32{4}},
		{"BODY \"\"", []uint32{1, 2, 3, 4, 5}},
		{"CHARSET US-ASCII SUBJECT second", []uint32{2}}, {"CHARSET utf-8 SUBJECT \"gr\xc3\xbc\"", []uint32{1}},
		{"CHARSET ISO-8859-1 SUBJECT {2}\r\nr\xfc", []uint32{1}}, {"CHARSET KOI8-R BODY plain", []uint32{1}},
		{"RETURN (COUNT) CHARSET UTF-8 SEEN", []uint32{1}}, {"RETURN () SEEN", []uint32{1}},
		{"UNSEEN OR BODY needle SUBJECT fifth UNDELETED", []uint32{3, 5}},
	}
	for _, tt := range tests {
		t.Run(tt.program, func(t *testing.T) {
			f := searchBox()
			s, _ := fakeSession(f)
			s.view.recent = []wire.Range{{A: 40, B: 50}}
			s.view.saved = []store.UID{20, 25, 50}
			got, err := runSearch(t, s, f, tt.program)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func TestSearchSyntax(t *testing.T) {
	tests := map[string]string{
		"": "BAD", "NOTHING": "BAD", "NOT": "BAD", "OR SEEN": "BAD", "()": "BAD", "(SEEN": "BAD", "SEEN)": "BAD", "0": "BAD", "SUBJECT": "BAD", "ON yesterday": "BAD", "LARGER x": "BAD",
		"RETURN (X) ALL": "BAD", "RETURN ALL": "BAD", "RETURN (COUNT)": "BAD", "CHARSET UTF-8": "BAD", "UID": "BAD", "MODSEQ": "BAD", "MODSEQ -1": "BAD", "MODSEQ 9223372036854775808": "BAD", `MODSEQ "/flags/x" 1`: "BAD", `MODSEQ "/flags/x" any 1`: "BAD", "X-EMAILID x": "BAD",
		"CHARSET nonsense-1 SUBJECT x": "NO", "CHARSET nonsense-1 (": "BAD",
		strings.Repeat("NOT ", maxKeys+1) + "SEEN": "BAD", strings.Repeat("(", 60) + "SEEN" + strings.Repeat(")", 60): "BAD",
	}
	for program, want := range tests {
		f := searchBox()
		s, _ := fakeSession(f)
		_, err := runSearch(t, s, f, program)
		r, _ := replyFor(errOr(err))
		if r.status != want || want == "NO" && r.code != "BADCHARSET (US-ASCII UTF-8)" {
			t.Errorf("%.40q: %+v, want %s", program, r, want)
		}
	}
	f := searchBox()
	s, _ := fakeSession(f)
	s.utf8 = true
	if _, err := runSearch(t, s, f, "CHARSET UTF-8 SUBJECT x"); err != nil {
		t.Errorf("CHARSET UTF-8 with UTF8=ACCEPT: %v", err)
	}
	if _, err := runSearch(t, s, f, "CHARSET ISO-8859-1 SUBJECT x"); err == nil {
		t.Error("another charset with UTF8=ACCEPT was taken")
	}
}

func TestSearchOpensOnlyWhatItMust(t *testing.T) {
	tests := []struct {
		program string
		opened  []store.UID
	}{
		{"SEEN LARGER 1 SUBJECT x FROM y SENTON 1-Nov-2026", nil},
		{"BODY plain SEEN", []store.UID{10}},
		{"TEXT second SUBJECT second", nil},
		{"OR SUBJECT second BODY needle UNSEEN", []store.UID{30, 40, 50}},
		{"NOT OR SEEN BODY x UID 20:30", []store.UID{20, 30}},
		{"BODY x BODY y BODY z UID 10", []store.UID{10}},
	}
	for _, tt := range tests {
		f := searchBox()
		s, _ := fakeSession(f)
		_, err := runSearch(t, s, f, tt.program)
		slices.Sort(f.opened) // several are read at a time
		if err != nil || !slices.Equal(f.opened, tt.opened) {
			t.Errorf("%s: opened %v, %v; want %v", tt.program, f.opened, err, tt.opened)
		}
	}
}

func TestSearchPassesOverDamageAndNotOverFailure(t *testing.T) {
	f := searchBox()
	f.openErr[20], f.gone[30] = store.ErrCorrupt, true
	s, _ := fakeSession(f)
	if got, err := runSearch(t, s, f, "OR BODY plain OR BODY \"caf\xc3\xa9\" BODY broken"); err != nil || !slices.Equal(got, []uint32{1, 4}) {
		t.Errorf("%v, %v; want 1 and 4", got, err)
	}
	lost := errors.New("disk on fire")
	f.openErr[40] = lost
	if _, err := runSearch(t, s, f, "BODY x"); !errors.Is(err, lost) {
		t.Errorf("err = %v", err)
	}
	f.openErr[40] = nil
	f.readErr[40] = lost
	if _, err := runSearch(t, s, f, "BODY x"); !errors.Is(err, lost) {
		t.Errorf("read error: err = %v", err)
	}
}

func TestSearchKeepsOrderOverBlocks(t *testing.T) {
	texts := make([]string, 3*digestBlock)
	for i := range texts {
		texts[i] = fmt.Sprintf("Subject: n%d\r\n\r\nbody\r\n", i%7)
	}
	f := newFake(texts...)
	for i := range f.rows {
		if i%3 == 0 {
			f.rows[i].Flags = store.FlagSeen
		}
	}
	s, _ := fakeSession(f)
	got, err := runSearch(t, s, f, "OR SEEN SUBJECT n1")
	var want []uint32
	for i := range texts {
		if i%3 == 0 || i%7 == 1 {
			want = append(want, uint32(i+1))
		}
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d found, %v; want %d", len(got), err, len(want))
	}
}

func TestSearchKeptResult(t *testing.T) {
	found := []hit{{n: 1, uid: 10}, {n: 3, uid: 30}, {n: 4, uid: 40}}
	tests := []struct {
		want results
		uids []store.UID
	}{
		{results{save: true}, []store.UID{10, 30, 40}},
		{results{save: true, all: true, min: true}, []store.UID{10, 30, 40}},
		{results{save: true, count: true, max: true}, []store.UID{10, 30, 40}},
		{results{save: true, min: true}, []store.UID{10}},
		{results{save: true, max: true}, []store.UID{40}},
		{results{save: true, min: true, max: true}, []store.UID{10, 40}},
	}
	for _, tt := range tests {
		if got := tt.want.kept(found); !slices.Equal(got, tt.uids) {
			t.Errorf("%+v keeps %v, want %v", tt.want, got, tt.uids)
		}
	}
}

// FuzzSearchProgram: whatever parses can be judged, and finds what its
// negation does not.
func FuzzSearchProgram(f *testing.F) {
	for _, s := range []string{
		"RETURN (MIN SAVE) CHARSET UTF-8 OR NOT SEEN (1:3,* UID 20 KEYWORD $Work)", "SENTSINCE 1-Nov-2026 HEADER X \"\" BODY {3}\r\nabc LARGER 4", "$ RECENT ON \"1-Jan-2026\"",
		"CHARSET ISO-2022-JP TEXT a",
	} {
		f.Add(s)
	}
	box := searchBox()
	f.Fuzz(func(t *testing.T, program string) {
		if !bytes.Contains([]byte(program), []byte("{")) && strings.ContainsAny(program, "\r\n") || strings.HasPrefix(program, "RETURN") {
			t.Skip()
		}
		s, _ := fakeSession(box)
		found, err := runSearch(t, s, box, program)
		if err != nil || strings.HasPrefix(strings.ToUpper(program), "CHARSET") || strings.HasPrefix(strings.ToUpper(program), "RETURN") {
			return
		}
		rest, err := runSearch(t, s, box, "NOT ("+program+")")
		if err != nil {
			return // deeper than is taken
		}
		all := slices.Sorted(slices.Values(append(found, rest...)))
		if !slices.Equal(all, []uint32{1, 2, 3, 4, 5}) {
			t.Fatalf("%q finds %v, its negation %v", program, found, rest)
		}
	})
}

// faulty is a key that cannot survive content.
type faulty struct{}

func (faulty) needs() need { return needContent }

func (faulty) judge(m *candidate) verdict {
	if m.level < needContent {
		return unknown
	}
	panic("a fault of a parser")
}

// A search works with several goroutines; a panic in one of them is the
// session's own, which alone ends of it.
func TestSearchPanicsInItsSession(t *testing.T) {
	f := searchBox()
	s, _ := fakeSession(f)
	defer func() {
		p := recover()
		if p == nil || !strings.Contains(fmt.Sprint(p), "a fault of a parser") || !strings.Contains(fmt.Sprint(p), "search_test.go") {
			t.Errorf("recovered %v; want the panic and where it was", p)
		}
		if f.open != 0 {
			t.Errorf("%d files left open", f.open)
		}
		if got, err := runSearch(t, s, f, "BODY plain"); err != nil || len(got) != 1 {
			t.Errorf("the next search: %v, %v", got, err)
		}
	}()
	(&finder{s: s, box: f, seen: s.view.seen, key: faulty{}}).run(t.Context())
}
