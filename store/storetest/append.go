package storetest

import (
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

var appendTests = []test{
	{"a message is read back as it was put, from any offset", appendRead},
	{"INTERNALDATE keeps its second and its zone", appendDate},
	{"flags and keywords come with a message", appendFlags},
	{"one blob stands in many mailboxes, each with numbers of its own", appendMany},
	{"a role nobody has means INBOX", appendRole},
	{"all of a change happens or none", appendAllOrNone},
	{"a reply joins its thread", appendThread},
	{"UIDL is made, or kept from an import, and unique", appendUIDL},
	{"appends at one time get one UID each", appendTogether},
	{"a discarded blob leaves nothing", appendDiscard},
	{"watchers of the account are woken, others are not", appendWatch},
	{"what is recent is claimed once", appendRecent},
}

func appendRead(f *fixture) {
	a := f.deliver(f.alice, "one")
	m := f.mailbox(f.alice, "INBOX")
	if a.UID != 1 || a.UIDValidity != f.box(f.alice, "INBOX").UIDValidity || a.Email == 0 || a.ModSeq == 0 {
		f.Errorf("appended %+v", a)
	}
	if got := f.text(m, a.UID); got != whole("one") {
		f.Errorf("read %q", got)
	}
	msg := f.messages(m, a.UID)[0]
	r, err := m.Open(f.ctx, msg)
	f.must(err)
	defer r.Close()
	if r.Size() != msg.Size || msg.Size != int64(len(whole("one"))) {
		f.Errorf("sizes %d and %d", r.Size(), msg.Size)
	}
	part := make([]byte, 5)
	if _, err := r.ReadAt(part, 10); err != nil || string(part) != whole("one")[10:15] {
		f.Errorf("at 10: %q, %v", part, err)
	}
	if n, err := r.ReadAt(part, msg.Size-2); n != 2 || err != io.EOF {
		f.Errorf("at the end: %d, %v", n, err)
	}
	b := f.box(f.alice, "INBOX")
	if b.Messages != 1 || b.Unseen != 1 || b.Size != msg.Size || b.UIDNext != 2 || b.ModSeq != a.ModSeq {
		f.Errorf("mailbox %+v", b)
	}
}

func appendDate(f *fixture) {
	at := time.Date(1999, 12, 31, 23, 59, 58, 999, time.FixedZone("", -(3*3600+30*60)))
	before := time.Now().Truncate(time.Second)
	in := store.Incoming{Account: f.alice.ID, Role: store.RoleInbox, Internal: at}
	in.Blob = f.put("dated")
	uid := f.append(in)[0].UID
	msg := f.messages(f.mailbox(f.alice, "INBOX"), uid)[0]
	if got := msg.Internal.Format(time.RFC3339); got != "1999-12-31T23:59:58-03:30" {
		f.Errorf("internal date %s", got)
	}
	if msg.Saved.Before(before) || msg.Saved.After(time.Now()) {
		f.Errorf("saved %s", msg.Saved)
	}
}

func appendFlags(f *fixture) {
	in := store.Incoming{Blob: f.put("flagged"), Account: f.alice.ID, Role: store.RoleDrafts,
		Flags: store.FlagSeen | store.FlagDraft, Keywords: []string{"$Forwarded", "blue"}}
	f.append(in)
	b := f.box(f.alice, "Drafts")
	if b.Messages != 1 || b.Unseen != 0 || !slices.Equal(b.Keywords, []string{"$Forwarded", "blue"}) {
		f.Errorf("mailbox %+v", b)
	}
	rows := f.rows(f.mailbox(f.alice, "Drafts"))
	if want := store.FlagSeen | store.FlagDraft | 3<<store.KeywordBase; len(rows) != 1 || rows[0].Flags != want {
		f.Errorf("rows %+v", rows)
	}
}

func appendMany(f *fixture) {
	blob := f.put("many")
	f.deliver(f.bob, "before")
	got := f.append(
		store.Incoming{Blob: blob, Account: f.alice.ID, Role: store.RoleInbox},
		store.Incoming{Blob: blob, Account: f.bob.ID, Role: store.RoleInbox},
		store.Incoming{Blob: blob, Account: f.alice.ID, Mailbox: f.box(f.alice, "Archive").ID})
	if got[0].UID != 1 || got[1].UID != 2 || got[2].UID != 1 {
		f.Errorf("UIDs %+v", got)
	}
	for i, m := range []*store.Mailbox{f.mailbox(f.alice, "INBOX"), f.mailbox(f.bob, "INBOX"), f.mailbox(f.alice, "Archive")} {
		if text := f.text(m, got[i].UID); text != whole("many") {
			f.Errorf("copy %d reads %q", i, text)
		}
	}
	_, err := f.mailbox(f.alice, "INBOX").Expunge(f.ctx, nil, true)
	f.must(err)
	if text := f.text(f.mailbox(f.alice, "Archive"), got[2].UID); text != whole("many") {
		f.Errorf("after another copy was expunged it reads %q", text)
	}
}

func appendRole(f *fixture) {
	f.must(f.s.DeleteMailbox(f.ctx, f.alice.ID, "Junk"))
	got := f.append(store.Incoming{Blob: f.put("junk"), Account: f.alice.ID, Role: store.RoleJunk})
	if inbox := f.box(f.alice, "INBOX"); got[0].Mailbox != inbox.ID {
		f.Errorf("appended to %+v", got[0])
	}
}

func appendAllOrNone(f *fixture) {
	good := store.Incoming{Blob: f.put("good"), Account: f.alice.ID, Role: store.RoleInbox}
	spooled := store.Spooled{Blob: good.Blob, QueueID: mail.NewID(), Expires: time.Now().Add(time.Hour),
		Deliveries: []store.NewDelivery{{Recipient: mail.Recipient{Path: mail.Path{Local: "x", Domain: "example.org"}}}}}
	for name, c := range map[string]store.Change{
		"an unknown account":    {Append: []store.Incoming{good, {Blob: good.Blob, Account: 999, Role: store.RoleInbox}}},
		"an unknown mailbox":    {Append: []store.Incoming{good, {Blob: good.Blob, Account: f.alice.ID, Mailbox: 999}}},
		"another's mailbox":     {Append: []store.Incoming{good, {Blob: good.Blob, Account: f.bob.ID, Mailbox: f.box(f.alice, "INBOX").ID}}},
		"an unknown delivery":   {Append: []store.Incoming{good}, Settle: []store.Settlement{{Delivery: 999, State: store.Done}}},
		"an item for nobody":    {Append: []store.Incoming{good}, Spool: []store.Spooled{{Blob: good.Blob, QueueID: "x"}}},
		"the same item again":   {Append: []store.Incoming{good}, Spool: []store.Spooled{spooled, spooled}},
		"a settlement for none": {Append: []store.Incoming{good}, Settle: []store.Settlement{{Delivery: 999, State: "lost"}}},
	} {
		good.Blob = f.put(name)
		for i := range c.Append {
			c.Append[i].Blob = good.Blob
		}
		for i := range c.Spool {
			c.Spool[i].Blob = good.Blob
		}
		if _, err := f.s.Commit(f.ctx, c); err == nil {
			f.Errorf("%s: committed", name)
		}
		f.s.Discard(good.Blob)
	}
	f.s.Discard(spooled.Blob)
	if b := f.box(f.alice, "INBOX"); b.Messages != 0 || b.UIDNext != 1 {
		f.Errorf("a refused change left %+v", b)
	}
	if items, err := f.s.Items(f.ctx, 0, 10); err != nil || len(items) != 0 {
		f.Errorf("a refused change left items %+v, %v", items, err)
	}
}

func appendThread(f *fixture) {
	text := func(s string) *mail.Mail { return &mail.Mail{Content: mail.Bytes(strings.ReplaceAll(s, "\n", "\r\n"))} }
	var threads []store.ThreadID
	for _, s := range []string{
		"Message-ID: <1@x>\nSubject: plans\n\n", "Message-ID: <2@x>\nIn-Reply-To: <1@x>\nSubject: Re: plans\n\n",
		"Message-ID: <3@x>\nSubject: plans\n\n",
	} {
		b, err := f.s.Put(f.ctx, text(s))
		f.must(err)
		uid := f.append(store.Incoming{Blob: b, Account: f.alice.ID, Role: store.RoleInbox})[0].UID
		threads = append(threads, f.messages(f.mailbox(f.alice, "INBOX"), uid)[0].Thread)
	}
	if threads[0] == 0 || threads[0] != threads[1] || threads[0] == threads[2] {
		f.Errorf("threads %v", threads)
	}
}

func appendUIDL(f *fixture) {
	f.fill(f.alice, 2)
	f.append(store.Incoming{Blob: f.put("imported"), Account: f.alice.ID, Role: store.RoleInbox, UIDL: "old!"})
	seen := map[string]bool{}
	for _, m := range f.messages(f.mailbox(f.alice, "INBOX"), 1, 2, 3) {
		if m.UIDL == "" || len(m.UIDL) > 70 || seen[m.UIDL] {
			f.Errorf("UIDL %q", m.UIDL)
		}
		seen[m.UIDL] = true
	}
	if !seen["old!"] {
		f.Errorf("the imported UIDL is not among %v", seen)
	}
	b := f.put("again")
	defer f.s.Discard(b)
	if _, err := f.s.Commit(f.ctx, store.Change{Append: []store.Incoming{{Blob: b, Account: f.alice.ID, Role: store.RoleInbox, UIDL: "old!"}}}); err == nil {
		f.Error("the same UIDL was taken twice")
	}
}

func appendTogether(f *fixture) {
	const each, sessions = 8, 8
	var all sync.WaitGroup
	for range sessions {
		all.Go(func() {
			for range each {
				b, err := f.s.Put(f.ctx, message("together"))
				if err == nil {
					_, err = f.s.Commit(f.ctx, store.Change{Append: []store.Incoming{{Blob: b, Account: f.alice.ID, Role: store.RoleInbox}}})
				}
				if err != nil {
					f.Error(err)
				}
			}
		})
	}
	all.Wait()
	var last store.UID
	modseqs := map[store.ModSeq]bool{}
	for _, r := range f.rows(f.mailbox(f.alice, "INBOX")) {
		if r.UID != last+1 || modseqs[r.ModSeq] {
			f.Errorf("row %+v after UID %d", r, last)
		}
		last, modseqs[r.ModSeq] = r.UID, true
	}
	if last != each*sessions {
		f.Errorf("%d messages", last)
	}
}

func appendDiscard(f *fixture) {
	b := f.put("discarded")
	f.s.Discard(b)
	f.s.Discard(b)
	kept := f.put("kept")
	f.append(store.Incoming{Blob: kept, Account: f.alice.ID, Role: store.RoleInbox})
	f.s.Discard(kept)
	if got := f.text(f.mailbox(f.alice, "INBOX"), 1); got != whole("kept") {
		f.Errorf("discarded after its commit it reads %q", got)
	}
}

func appendWatch(f *fixture) {
	woken := make(chan store.AccountID, 16)
	stop := f.s.Watch([]store.AccountID{f.alice.ID}, func() { woken <- f.alice.ID })
	defer f.s.Watch([]store.AccountID{f.bob.ID}, func() { woken <- f.bob.ID })()
	f.deliver(f.alice, "one")
	if len(woken) != 1 || <-woken != f.alice.ID {
		f.Error("the commit came back before its watcher was woken, or woke another")
	}
	stop()
	f.deliver(f.alice, "two")
	if len(woken) != 0 {
		f.Error("woken after stop")
	}
}

func appendRecent(f *fixture) {
	f.fill(f.alice, 2)
	m := f.mailbox(f.alice, "INBOX")
	claim := func(to, want store.UID) {
		f.Helper()
		if from, err := m.ClaimRecent(f.ctx, to); err != nil || from != want {
			f.Errorf("recent from %d, %v; want %d", from, err, want)
		}
	}
	claim(0, 1)
	claim(3, 1)
	claim(3, 3)
	f.deliver(f.alice, "three")
	f.deliver(f.alice, "four")
	claim(3, 3) // by a session that shows neither
	claim(4, 3)
	claim(3, 4)
	claim(5, 4)
	claim(0, 5)
	if _, err := f.s.Mailbox(f.ctx, f.alice.ID, "none"); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("a mailbox that is not there: %v", err)
	}
}
