package storetest

import (
	"errors"
	"io"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

var queueTests = []test{
	{"an item and its deliveries are read back as they were spooled", queueRead},
	{"a delivery is claimed by one, when it is due", queueClaim},
	{"outcomes change a delivery, and only one that waits", queueSettle},
	{"an item ends with its last delivery", queueEnds},
	{"a report that is due keeps the item until it is written", queueReport},
	{"held deliveries are not tried", queueHold},
	{"retry gives another time", queueRetry},
	{"a hold keeps what it fits, until it ends", queueHolds},
	{"a hold of everything keeps everything", queueHoldsAll},
	{"a hold lets one message pass each so long", queueHoldPasses},
	{"a hold keeps for a time", queueHoldAges},
	{"the program does not change what an administrator holds", queueHoldRanks},
	{"each priority has room of its own", queuePriorities},
	{"events outlive their item", queueEvents},
	{"what was sent is found", queueSent},
	{"local and remote recipients are one change", queueTogether},
}

// spool queues one message for some recipients, due now.
func (f *fixture) spool(to ...string) store.Item {
	f.Helper()
	sp := store.Spooled{Blob: f.put("spooled"), QueueID: mail.NewID(), Expires: time.Now().Add(time.Hour)}
	for _, t := range to {
		p, err := mail.ParsePath(t)
		f.must(err)
		sp.Deliveries = append(sp.Deliveries, store.NewDelivery{Recipient: mail.Recipient{Path: p}, Destination: p.Domain})
	}
	r, err := f.s.Commit(f.ctx, store.Change{Spool: []store.Spooled{sp}})
	f.must(err)
	it, err := f.s.Item(f.ctx, r.Items[0])
	f.must(err)
	return it
}

func (f *fixture) claim(now time.Time, limit int) []store.Delivery {
	f.Helper()
	c, err := f.s.ClaimDue(f.ctx, now, now.Add(time.Minute), store.Room{limit, limit, limit})
	f.must(err)
	return c.Deliveries
}

func (f *fixture) settle(s ...store.Settlement) error {
	_, err := f.s.Commit(f.ctx, store.Change{Settle: s})
	return err
}

func (f *fixture) deliveries(it store.Item) []store.Delivery {
	f.Helper()
	d, err := f.s.Deliveries(f.ctx, it.ID)
	f.must(err)
	return d
}

func queueRead(f *fixture) {
	sp := store.Spooled{
		Blob: f.put("spooled"), QueueID: mail.NewID(), MessageID: "spooled@example.org", Expires: time.Now().Add(time.Hour),
		Envelope: mail.Envelope{From: mail.Path{Local: "a b", Domain: "Example.org"}, ID: "env", Return: mail.ReturnHeaders,
			Body: mail.Body8BitMIME, UTF8: true, RequireTLS: true},
		Origin: mail.Origin{Login: "alice@example.test", Proven: true, Peer: "h [192.0.2.1]", Protocol: "ESMTPSA"},
		Deliveries: []store.NewDelivery{
			{Recipient: mail.Recipient{Path: mail.Path{Local: "X", Domain: "example.org"}, ORCPT: "rfc822;y@z", Notify: mail.NotifyDelay | mail.NotifyFailure},
				Destination: "example.org", Due: time.Now().Add(time.Minute)},
			{Recipient: mail.Recipient{Path: mail.Path{Local: "z", Domain: "example.net"}}, Destination: "example.net", Held: true,
				Status: mail.Status{Reply: mail.NoSuchMailbox, MTA: "mx.example.net"}},
		},
	}
	r, err := f.s.Commit(f.ctx, store.Change{Spool: []store.Spooled{sp}})
	f.must(err)
	it, err := f.s.Item(f.ctx, r.Items[0])
	f.must(err)
	it.Envelope.To = sp.Envelope.To
	if it.QueueID != sp.QueueID || it.Origin != sp.Origin || it.MessageID != sp.MessageID || !it.Expires.Equal(sp.Expires) ||
		it.Envelope.From != sp.Envelope.From || it.Envelope.ID != "env" || it.Envelope.Return != mail.ReturnHeaders ||
		it.Envelope.Body != mail.Body8BitMIME || !it.Envelope.UTF8 || !it.Envelope.RequireTLS || it.Arrived.IsZero() {
		f.Errorf("item %+v", it)
	}
	ds := f.deliveries(it)
	for i, d := range ds {
		n := sp.Deliveries[i]
		if d.Recipient != n.Recipient || d.Destination != n.Destination || d.Held != n.Held || d.Status != n.Status ||
			d.State != store.Waiting || d.Report != store.ReportNone || d.Attempts != 0 || !n.Due.IsZero() && !d.Due.Equal(n.Due) {
			f.Errorf("delivery %+v", d)
		}
	}
	rd, err := f.s.OpenItem(f.ctx, it)
	f.must(err)
	defer rd.Close()
	if b, err := io.ReadAll(rd); err != nil || string(b) != whole("spooled") || rd.Size() != it.Size {
		f.Errorf("content %q, %v", b, err)
	}
}

func queueClaim(f *fixture) {
	if _, err := f.s.NextDue(f.ctx, store.Room{1, 1, 1}); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("nothing waits: %v", err)
	}
	f.spool("a@example.org", "b@example.org", "c@example.net")
	now := time.Now()
	if due, err := f.s.NextDue(f.ctx, store.Room{1, 1, 1}); err != nil || due.After(now) {
		f.Errorf("next due %s, %v", due, err)
	}
	if d := f.claim(now.Add(-time.Hour), 9); len(d) != 0 {
		f.Errorf("claimed an hour early: %+v", d)
	}
	first := f.claim(now, 2)
	rest := f.claim(now, 9)
	if len(first) != 2 || len(rest) != 1 || first[0].Recipient.Path.Local != "a" || rest[0].Recipient.Path.Local != "c" {
		f.Fatalf("claimed %+v, then %+v", first, rest)
	}
	if due, err := f.s.NextDue(f.ctx, store.Room{1, 1, 1}); err != nil || !due.Equal(now.Add(time.Minute)) {
		f.Errorf("while all are claimed the next is due %s, %v", due, err)
	}
	if d := f.claim(now.Add(time.Minute), 9); len(d) != 3 {
		f.Errorf("after the claims have ended %d can be claimed", len(d))
	}
	more, err := f.s.ReleaseClaims(f.ctx)
	f.must(err)
	if more {
		f.Error("there are more than three claims")
	}
	if d := f.claim(now, 9); len(d) != 3 {
		f.Errorf("after the claims were released %d can be claimed", len(d))
	}
}

func queueSettle(f *fixture) {
	it := f.spool("a@example.org", "b@example.org")
	began := time.Now()
	ds := f.claim(began, 9)
	if !ds[0].Tried.IsZero() {
		f.Errorf("tried before the first attempt: %+v", ds[0])
	}
	later := time.Now().Add(5 * time.Minute)
	st := store.Settlement{Delivery: ds[0].ID, State: store.Waiting, Due: later, Attempt: true, Delayed: true,
		Status: mail.Status{Reply: mail.Reply{Code: 451, X: mail.EnhancedCode{4, 7, 123}, Text: "later"}, MTA: "mx"}}
	f.must(f.settle(st))
	d := f.deliveries(it)[0]
	if d.State != store.Waiting || !d.Due.Equal(later) || d.Attempts != 1 || !d.Delayed || d.Status != st.Status {
		f.Errorf("deferred: %+v", d)
	}
	if d := f.claim(time.Now(), 9); len(d) != 0 {
		f.Errorf("claimed before its time: %+v", d)
	}
	if d.Tried.Before(began) || d.Tried.After(time.Now()) {
		f.Errorf("first tried at %s, the test began at %s", d.Tried, began)
	}
	first := d.Tried
	f.must(f.settle(st))
	if d := f.deliveries(it)[0]; d.Attempts != 2 || !d.Tried.Equal(first) {
		f.Errorf("the second attempt: %+v", d)
	}
	st.Attempt, st.Delayed = false, false
	f.must(f.settle(st))
	if d := f.deliveries(it)[0]; d.Attempts != 2 || !d.Delayed {
		f.Errorf("deferred without an attempt: %+v", d)
	}
	st = store.Settlement{Delivery: ds[0].ID, State: store.Done, Status: mail.Status{Reply: mail.Delivered}}
	f.must(f.settle(st))
	if err := f.settle(st); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("done twice: %v", err)
	}
	for _, bad := range []store.Settlement{
		{Delivery: ds[1].ID, State: store.Waiting}, {Delivery: ds[1].ID, State: "lost"},
		{Delivery: ds[1].ID, State: store.Waiting, Due: later, Report: store.ReportDue},
	} {
		if err := f.settle(bad); !errors.Is(err, store.ErrInvalid) {
			f.Errorf("%+v: %v", bad, err)
		}
	}
	if d := f.deliveries(it); d[0].State != store.Done || d[1].State != store.Waiting {
		f.Errorf("deliveries %+v", d)
	}
}

func queueEnds(f *fixture) {
	it := f.spool("a@example.org", "b@example.org")
	ds := f.claim(time.Now(), 9)
	f.must(f.settle(store.Settlement{Delivery: ds[0].ID, State: store.Done}))
	if all, err := f.s.Items(f.ctx, 0, 9); err != nil || len(all) != 1 || all[0].ID != it.ID {
		f.Errorf("items %+v, %v", all, err)
	}
	if got, err := f.s.ItemByQueueID(f.ctx, strings.ToLower(it.QueueID)); err != nil || got.ID != it.ID {
		f.Errorf("by its queue id in small letters: %+v, %v", got, err)
	}
	f.must(f.settle(store.Settlement{Delivery: ds[1].ID, State: store.Failed, Report: store.ReportNone}))
	if _, err := f.s.ItemByQueueID(f.ctx, it.QueueID); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("an ended item by its queue id: %v", err)
	}
	if _, err := f.s.Item(f.ctx, it.ID); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("an item with nothing left to do: %v", err)
	}
	if all, err := f.s.Items(f.ctx, 0, 9); err != nil || len(all) != 0 {
		f.Errorf("items %+v, %v", all, err)
	}
	if d := f.deliveries(it); len(d) != 0 {
		f.Errorf("its deliveries %+v", d)
	}
}

func queueReport(f *fixture) {
	it := f.spool("a@example.org")
	d := f.claim(time.Now(), 9)[0]
	failed := store.Settlement{Delivery: d.ID, State: store.Failed, Report: store.ReportDue, Status: mail.Status{Reply: mail.NoSuchMailbox}}
	f.must(f.settle(failed))
	if got := f.deliveries(it)[0]; got.State != store.Failed || got.Report != store.ReportDue {
		f.Errorf("failed: %+v", got)
	}
	if d := f.claim(time.Now(), 9); len(d) != 0 {
		f.Errorf("a failed one was claimed: %+v", d)
	}
	bounce := store.Spooled{Blob: f.put("bounce"), QueueID: mail.NewID(), Expires: time.Now().Add(time.Hour),
		Deliveries: []store.NewDelivery{{Recipient: mail.Recipient{Path: mail.Path{Local: "x", Domain: "example.org"}}}}}
	failed.Report = store.ReportWritten
	_, err := f.s.Commit(f.ctx, store.Change{Spool: []store.Spooled{bounce}, Settle: []store.Settlement{failed}})
	f.must(err)
	if _, err := f.s.Item(f.ctx, it.ID); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("the reported item: %v", err)
	}
	if all, err := f.s.Items(f.ctx, it.ID, 9); err != nil || len(all) != 1 || all[0].QueueID != bounce.QueueID {
		f.Errorf("items %+v, %v", all, err)
	}
}

func queueHold(f *fixture) {
	it := f.spool("a@example.org", "b@example.org")
	id := f.deliveries(it)[0].ID
	f.must(f.s.Hold(f.ctx, []store.DeliveryID{id}, true))
	if d := f.claim(time.Now(), 9); len(d) != 1 || d[0].Recipient.Path.Local != "b" {
		f.Errorf("claimed %+v", d)
	}
	f.must(f.s.Hold(f.ctx, []store.DeliveryID{id}, false))
	if d := f.claim(time.Now(), 9); len(d) != 1 || d[0].ID != id {
		f.Errorf("released, then claimed %+v", d)
	}
	if err := f.s.Hold(f.ctx, []store.DeliveryID{id, 999}, true); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("an unknown delivery: %v", err)
	}
	if d := f.deliveries(it)[0]; d.Held {
		f.Error("a refused hold held one")
	}
}

func queueRetry(f *fixture) {
	it := f.spool("a@example.org")
	now := time.Now()
	d := f.claim(now, 9)[0]
	f.must(f.settle(store.Settlement{Delivery: d.ID, State: store.Waiting, Due: now.Add(time.Hour)}))
	f.must(f.s.Retry(f.ctx, []store.DeliveryID{d.ID}, now))
	if got := f.claim(now, 9); len(got) != 1 {
		f.Fatalf("claimed %+v", got)
	}
	f.must(f.s.Retry(f.ctx, []store.DeliveryID{d.ID}, now))
	if got := f.claim(now, 9); len(got) != 0 {
		f.Errorf("a retry took somebody's claim away: %+v", got)
	}
	f.must(f.settle(store.Settlement{Delivery: d.ID, State: store.Done}))
	if err := f.s.Retry(f.ctx, []store.DeliveryID{d.ID}, now); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("of %s, which has ended: %v", it.QueueID, err)
	}
}

func queueEvents(f *fixture) {
	sp := store.Spooled{Blob: f.put("spooled"), QueueID: mail.NewID(), Expires: time.Now().Add(time.Hour),
		Deliveries: []store.NewDelivery{{Recipient: mail.Recipient{Path: mail.Path{Local: "x", Domain: "example.org"}}}}}
	e := store.Event{At: time.Unix(time.Now().Unix()-60, 5), Kind: "accepted", Session: sp.QueueID, MessageID: "m@x", From: "a@b", To: "x@example.org", Status: "250 2.0.0 Ok",
		Detail: "over TLS", Linked: "OTHER", Leads: true}
	r, err := f.s.Commit(f.ctx, store.Change{Spool: []store.Spooled{sp}, Events: []store.Event{e}})
	f.must(err)
	d := f.claim(time.Now(), 1)[0]
	_, err = f.s.Commit(f.ctx, store.Change{Settle: []store.Settlement{{Delivery: d.ID, State: store.Done}},
		Events: []store.Event{{Kind: "relayed", Item: d.Item, Session: sp.QueueID, MTA: "mx", Took: 7 * time.Millisecond}}})
	f.must(err)
	all, err := f.s.Events(f.ctx, strings.ToLower(sp.QueueID), 0, 9)
	f.must(err)
	e.Item = r.Items[0]
	if len(all) != 2 || !all[0].At.Equal(e.At) || all[1].At.IsZero() || all[1].Took != 7*time.Millisecond {
		f.Fatalf("events %+v", all)
	}
	if all[0].At, e.ID = e.At, all[0].ID; all[0] != e {
		f.Errorf("event %+v, want %+v", all[0], e)
	}
}

func queueTogether(f *fixture) {
	blob := f.put("together")
	sp := store.Spooled{Blob: blob, QueueID: mail.NewID(), Expires: time.Now().Add(time.Hour),
		Deliveries: []store.NewDelivery{{Recipient: mail.Recipient{Path: mail.Path{Local: "x", Domain: "example.org"}}}}}
	r, err := f.s.Commit(f.ctx, store.Change{Append: []store.Incoming{{Blob: blob, Account: f.alice.ID, Role: store.RoleInbox}}, Spool: []store.Spooled{sp}})
	f.must(err)
	if len(r.Items) != 1 || len(r.Appended) != 1 {
		f.Fatalf("result %+v", r)
	}
	f.must(f.settle(store.Settlement{Delivery: f.claim(time.Now(), 1)[0].ID, State: store.Done}))
	if got := f.text(f.mailbox(f.alice, "INBOX"), 1); got != whole("together") {
		f.Errorf("after the item has ended the local copy reads %q", got)
	}
}
