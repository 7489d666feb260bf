package storetest

import (
	"errors"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// sent spools a message of a login and gives its delivery.
func (f *fixture) sent(login, from, to, messageID string) store.Delivery {
	f.Helper()
	path := func(s string) mail.Path {
		p, err := mail.ParsePath(s)
		f.must(err)
		return p
	}
	sp := store.Spooled{Blob: f.put("sent"), QueueID: mail.NewID(), MessageID: messageID, Expires: time.Now().Add(time.Hour),
		Envelope: mail.Envelope{From: path(from)}, Origin: mail.Origin{Login: login, Forwarder: path("fwd@here.test")},
		Deliveries: []store.NewDelivery{{Recipient: mail.Recipient{Path: path(to)}}}}
	_, err := f.s.Commit(f.ctx, store.Change{Spool: []store.Spooled{sp}, Events: []store.Event{
		{Kind: "accepted", Session: sp.QueueID, MessageID: messageID, From: from, To: to, Login: sp.Origin.Sender(), Leads: true}}})
	f.must(err)
	return f.claim(time.Now(), 1)[0]
}

// queueSent: what an account sent is found by Message-ID, sender and recipient
// from its acceptance on, for as long as events are kept, and nothing else is.
func queueSent(f *fixture) {
	path := func(local, domain string) mail.Path { return mail.Path{Local: local, Domain: domain} }
	alice, bob := path("Alice", "HERE.test"), path("Bob", "Far.test")
	find := func(id string, sender mail.Path, to ...mail.Path) (store.Sent, bool) {
		f.Helper()
		s, err := f.s.FindSent(f.ctx, id, sender, to)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			f.Fatal(err)
		}
		return s, err == nil
	}
	d := f.sent("alice@here.test", "alice@here.test", "bob@far.test", "one@here.test")
	for _, moment := range []string{"while it waits", "after it has ended"} {
		s, ok := find("one@here.test", alice, path("carol", "far.test"), bob)
		if !ok || s.Item != d.Item || s.Login != "alice@here.test" || s.To == "" || s.From != "alice@here.test" || s.QueueID == "" || s.MessageID != "one@here.test" {
			f.Errorf("%s: %+v %v", moment, s, ok)
		}
		for name, ok := range map[string]bool{
			"another id":           found(find("two@here.test", alice, bob)),
			"no id":                found(find("", alice, bob)),
			"another sender":       found(find("one@here.test", path("eve", "here.test"), bob)),
			"the null sender":      found(find("one@here.test", mail.Path{}, bob)),
			"another recipient":    found(find("one@here.test", alice, path("eve", "far.test"))),
			"another domain":       found(find("one@here.test", alice, path("bob", "near.test"))),
			"no recipient":         found(find("one@here.test", alice)),
			"the id in other case": found(find("ONE@here.test", alice, bob)),
		} {
			if ok {
				f.Errorf("%s, %s was found", moment, name)
			}
		}
		if moment == "while it waits" {
			it, err := f.s.Item(f.ctx, d.Item)
			f.must(err)
			if got := it.Origin.Forwarder; got != path("fwd", "here.test") {
				f.Errorf("forwarder %v", got)
			}
			_, err = f.s.Commit(f.ctx, store.Change{Settle: []store.Settlement{{Delivery: d.ID, State: store.Done}},
				Events: []store.Event{{Kind: "relayed", Item: it.ID, Session: it.QueueID, MessageID: it.MessageID, From: it.Envelope.From.String(), To: "bob@far.test", Login: it.Origin.Sender(), Leads: true}}})
			f.must(err)
		}
	}
	d = f.sent("", "alice@here.test", "bob@far.test", "stranger@here.test")
	_, err := f.s.Commit(f.ctx, store.Change{Events: []store.Event{{Kind: "relayed", Item: d.Item, MessageID: "stranger@here.test", From: "alice@here.test", To: "bob@far.test", Leads: true}}})
	f.must(err)
	if s, ok := find("stranger@here.test", alice, bob); ok {
		f.Errorf("what a stranger sent in her name was found: %+v", s)
	}
}

func found(_ store.Sent, ok bool) bool { return ok }
