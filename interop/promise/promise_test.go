package promise

import (
	"strings"
	"testing"
)

func (l *Load) mustSay(t *testing.T, want string) {
	t.Helper()
	found := l.Problems()
	if want == "" && len(found) > 0 || want != "" && (len(found) == 0 || !strings.Contains(strings.Join(found, "\n"), want)) {
		t.Errorf("problems %q, want %q", found, want)
	}
}

func whole(id string, uid uint32) message { return message{uid: uid, id: id, whole: true} }

func TestInboxAgainstAnswers(t *testing.T) {
	for _, c := range []struct {
		what string
		seen []message
		next uint32
		want string
	}{
		{"as answered", []message{whole("a", 1), whole("x", 4)}, 5, ""},
		{"what was in flight did not come", []message{whole("a", 1)}, 3, ""},
		{"what was leaving is there", []message{whole("a", 1), whole("b", 2)}, 3, ""},
		{"lost", nil, 3, "a was answered for and is not there"},
		{"twice", []message{whole("a", 1), whole("a", 4)}, 5, "a is there twice"},
		{"cut", []message{{uid: 1, id: "a"}}, 3, "a (UID 1) is not whole"},
		{"removed", []message{whole("a", 1), whole("c", 3)}, 4, "c (UID 3) was removed or refused, and is there"},
		{"from nowhere", []message{whole("a", 1), whole("z", 4)}, 5, `nobody sent "z"`},
		{"another UID", []message{whole("a", 4)}, 5, "a had UID 1 and has 4"},
		{"a UID again", []message{whole("a", 1), whole("x", 2)}, 4, "x is new and has UID 2, below 3"},
		{"UIDNEXT", []message{whole("a", 1)}, 2, "UIDNEXT was 3 and is 2"},
	} {
		t.Run(c.what, func(t *testing.T) {
			l := New(Target{}, nil)
			b := newInbox()
			b.validity, b.next, b.uids["a"], b.uids["b"] = 7, 3, 1, 2
			b.set("a", true)
			b.set("b", true)
			b.leave([]string{"b"})
			b.set("c", false)
			b.found(l, "alice", mailbox{validity: 7, next: c.next, messages: c.seen}, map[string]letter{"x": {id: "x", users: []string{"alice"}}})
			l.mustSay(t, c.want)
		})
	}
}

// A letter that was not answered for came to all of its recipients or to none.
func TestLetterInTransit(t *testing.T) {
	for came, want := range map[string]string{"": "", "bob": "came to 1 of [bob carol]", "bob carol": ""} {
		l := New(Target{}, nil)
		m := letter{id: "x", users: []string{"bob", "carol"}, remote: "x@elsewhere.test"}
		transit := map[string]letter{"x": m}
		for _, u := range m.users {
			seen := mailbox{validity: 1, next: 9}
			if strings.Contains(came, u) {
				seen.messages = []message{whole("x", 3)}
			}
			l.inboxes[u].found(l, u, seen, transit)
		}
		l.verifyTransit(transit)
		l.mustSay(t, want)
		if l.remote[m.remote] != (came != "") {
			t.Errorf("came to %q: it is to be relayed: %v", came, l.remote[m.remote])
		}
	}
}

func TestBoxAgainstAnswers(t *testing.T) {
	was := &box{validity: 7, next: 5, modseq: 9, papers: map[string]paper{"a": {uid: 1, flags: `\Seen`}, "n": {}}}
	for _, c := range []struct {
		what string
		is   box
		want string
	}{
		{"as answered", box{7, 6, 9, map[string]paper{"a": {1, `\Seen`}, "n": {5, ""}}}, ""},
		{"a flag", box{7, 6, 9, map[string]paper{"a": {1, ""}, "n": {5, ""}}}, `a has the flags (), not (\Seen)`},
		{"lost", box{7, 6, 9, map[string]paper{"a": {1, `\Seen`}}}, "n is not there"},
		{"back", box{7, 6, 9, map[string]paper{"a": {1, `\Seen`}, "n": {5, ""}, "o": {6, ""}}}, "o should not be there, as UID 6"},
		{"another UID", box{7, 6, 9, map[string]paper{"a": {2, `\Seen`}, "n": {5, ""}}}, "a has UID 2, not 1"},
		{"a UID again", box{7, 6, 9, map[string]paper{"a": {1, `\Seen`}, "n": {4, ""}}}, "n is new and has UID 4, below 5"},
		{"UIDVALIDITY", box{8, 6, 9, nil}, "UIDVALIDITY is 8, not 7"},
		{"UIDNEXT", box{7, 4, 9, nil}, "UIDNEXT is 4, not 5"},
		{"HIGHESTMODSEQ", box{7, 5, 8, nil}, "HIGHESTMODSEQ is 8, not 9"},
	} {
		if got := was.differs(&c.is); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

func TestMessageIsWhole(t *testing.T) {
	id := "smtp-1"
	shown := "Return-Path: <a@b>\r\nReceived: by us\r\n" + string(text(id))
	for content, want := range map[string]bool{shown: true, shown[:len(shown)-1]: false, strings.Replace(shown, "words", "wordy", 1): false} {
		if got, whole := read([]byte(content)); got != id || whole != want {
			t.Errorf("%q, whole %v, want %v", got, whole, want)
		}
	}
}
