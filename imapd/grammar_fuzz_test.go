package imapd

import (
	"bufio"
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// onTheWire is what write puts on the wire.
func onTheWire(write func(*wire.Encoder)) string {
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	write(wire.NewEncoder(w))
	w.Flush()
	return b.String()
}

// filterText writes a filter as a client would. A name that takes a literal is
// read from the next line, which a fuzzed argument does not have.
func filterText(f mailboxFilter) (text string, ok bool) {
	text = onTheWire(func(e *wire.Encoder) {
		e.Raw(f.word)
		for i, name := range f.names {
			e.Raw([]string{" (", " "}[min(i, 1)]).Mailbox(name)
		}
		if len(f.names) > 0 {
			e.Raw(")")
		}
	})
	return text, !strings.ContainsAny(text, "\r\n")
}

// holdFilter: names are there where they belong, each matches itself, and what
// is below it as deep as the word says.
func holdFilter(t *testing.T, f mailboxFilter) {
	t.Helper()
	named := f.word == "SUBTREE" || f.word == "SUBTREE-ONE" || f.word == "MAILBOXES"
	if named != (len(f.names) > 0) {
		t.Fatalf("%+v", f)
	}
	for _, name := range f.names {
		child, grandchild := name+separator+"x", name+separator+"x"+separator+"y"
		if !f.matches(&entry{name: name}) {
			t.Errorf("%+v does not match %q", f, name)
		}
		if f.word != "MAILBOXES" && !f.matches(&entry{name: child}) || f.word == "SUBTREE" && !f.matches(&entry{name: grandchild}) {
			t.Errorf("%+v does not match what is below %q", f, name)
		}
		if len(f.names) == 1 && (f.word == "MAILBOXES" && f.matches(&entry{name: child}) || f.word != "SUBTREE" && f.matches(&entry{name: grandchild})) {
			t.Errorf("%+v matches what is below %q", f, name)
		}
	}
}

// FuzzNotifyGroups: what is taken has events that go together, and means the
// same when it is written again.
func FuzzNotifyGroups(f *testing.F) {
	for _, s := range []string{
		"(selected-delayed (MessageNew (UID BODY.PEEK[1]) MessageExpunge FlagChange)) (subtree (a b) (MailboxName))", "(mailboxes \"a b\" NONE)",
		"(personal (MessageExpunge MessageNew)) (inboxes (SubscriptionChange ServerMetadataChange))", "(selected NONE)", "(subscribed (AnnotationChange))",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "\r\n") {
			t.Skip()
		}
		n, ok := notifyOf(s)
		if !ok {
			return
		}
		var again []string
		for _, g := range n.groups {
			holdFilter(t, g.mailboxFilter)
			if both := g.events & (messageNew | messageExpunge); g.events == 0 || both == messageNew || both == messageExpunge || g.events&flagChange != 0 && both == 0 {
				t.Fatalf("%q has the events %b", s, g.events)
			}
			text, ok := filterText(g.mailboxFilter)
			if !ok {
				return
			}
			again = append(again, "("+text+" "+eventsText(g.events)+")")
		}
		if n.selected&^messageEvents != 0 || len(n.fetch) > 0 && n.selected&messageNew == 0 {
			t.Fatalf("%q has the events %b of the selected mailbox, and fetches %v", s, n.selected, n.fetch)
		}
		again = append(again, "(SELECTED "+eventsText(n.selected)+")")
		m, ok := notifyOf(strings.Join(again, " "))
		if !ok || !reflect.DeepEqual(m.groups, n.groups) || m.selected != n.selected {
			t.Errorf("%q means %+v, %q means %+v", s, n.groups, again, m)
		}
	})
}

func notifyOf(s string) (n *notification, ok bool) {
	taker := &notifyTaker{d: decoderOf(s), n: &notification{}}
	for taker.group(); taker.d.TakeSP(); {
		taker.group()
	}
	return taker.n, taker.d.End() == nil && taker.wrong == "" && !taker.strange
}

func eventsText(e event) string {
	var names []string
	for _, known := range events {
		if e&known.event != 0 {
			names = append(names, known.name)
		}
	}
	if names == nil {
		return "NONE"
	}
	return "(" + strings.Join(names, " ") + ")"
}

// FuzzSearchSource: the mailboxes of ESEARCH are the same when they are written
// again.
func FuzzSearchSource(f *testing.F) {
	for _, s := range []string{`(mailboxes "folder 1" subtree ("a" b/c))`, "(selected personal inboxes)", "(subtree-one &AOk-)", "(subscribed mailboxes (inbox))"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "\r\n") {
			t.Skip()
		}
		d := decoderOf(s)
		from := takeSource(d)
		if d.End() != nil {
			return
		}
		if !from.selected && len(from.filters) == 0 {
			t.Fatalf("%q is nowhere", s)
		}
		var again []string
		if from.selected {
			again = append(again, "selected")
		}
		for _, x := range from.filters {
			holdFilter(t, x)
			text, ok := filterText(x)
			if !ok {
				return
			}
			again = append(again, text)
		}
		d = decoderOf("(" + strings.Join(again, " ") + ")")
		if back := takeSource(d); d.End() != nil || !reflect.DeepEqual(back, from) {
			t.Errorf("%q is %+v, %q is %+v", s, from, again, back)
		}
	})
}

// FuzzMetadataQuery: what is taken has names that read back, and finds what it
// asks for, once, and nothing larger than it wants.
func FuzzMetadataQuery(f *testing.F) {
	for _, s := range []string{
		"INBOX /shared/comment", `(MAXSIZE 3 DEPTH 1) "" (/shared /private/vendor)`, `INBOX (DEPTH infinity) ("/private/a" /shared/comment)`, `"a b" "/shared/vendor/x (y)"`,
	} {
		f.Add(s)
	}
	all := []store.Annotation{
		{Entry: "/comment", Value: []byte("mine")}, {Entry: "/vendor/a/b", Value: []byte("")}, {Shared: true, Entry: "/comment", Value: []byte("ours")},
		{Shared: true, Entry: "/vendor/x (y)", Value: []byte("x")},
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "\r\n") {
			t.Skip()
		}
		q, err := takeMetadataQuery(decoderOf(" " + s))
		if err != nil {
			return
		}
		if len(q.entries) == 0 || len(q.entries) > maxEntries {
			t.Fatalf("%q: %d entries", s, len(q.entries))
		}
		for _, a := range q.entries {
			d := decoderOf(entryName(a))
			if back := takeAnyEntry(d); d.End() != nil || !reflect.DeepEqual(back, a) {
				t.Errorf("%q: %+v reads back as %+v", s, a, back)
			}
		}
		seen := map[string]bool{}
		for _, a := range q.pick(all) {
			if seen[entryName(a)] || q.max >= 0 && int64(len(a.Value)) > q.max {
				t.Errorf("%q finds %+v", s, a)
			}
			seen[entryName(a)] = true
		}
		if q.max < 0 && q.longest > 0 {
			t.Errorf("%q leaves out %d octets", s, q.longest)
		}
	})
}

// FuzzEntry: a name that is taken for an entry is told as one that is the same.
func FuzzEntry(f *testing.F) {
	for _, s := range []string{"/shared/comment", "/PRIVATE/Vendor/cmu/%", "/shared", "/private//x", `/shared/a"b\c`, "/private/a(b)]{"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := parseEntry(s)
		if err != nil {
			if !errors.Is(err, store.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		d := decoderOf(entryName(a))
		if back := takeAnyEntry(d); d.End() != nil || !reflect.DeepEqual(back, a) {
			t.Errorf("%q is %+v, told as %s, which is %+v", s, a, entryName(a), back)
		}
	})
}
