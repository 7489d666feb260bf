package queue

import (
	"log/slog"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/blank"
)

// Q11: an outcome whose commit seemed to fail, and did not, is not entered again: a
// delivery that still waits was not tried twice, and its sender is told of the
// delay once.
func TestOutcomeIsNotEnteredTwice(t *testing.T) {
	st := blank.Open(t, store.Options{})
	b, err := st.Put(t.Context(), &mail.Mail{Content: mail.Bytes("Subject: hi\r\n\r\nhello\r\n")})
	if err != nil {
		t.Fatal(err)
	}
	to := func(local string) store.NewDelivery {
		return store.NewDelivery{Recipient: mail.Recipient{Path: mail.Path{Local: local, Domain: "away.test"}}, Destination: "away.test"}
	}
	made, err := st.Commit(t.Context(), store.Change{Spool: []store.Spooled{{
		Blob: b, QueueID: mail.NewID(), Expires: time.Now().Add(time.Hour), Deliveries: []store.NewDelivery{to("bob"), to("carol")},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	it, err := st.Item(t.Context(), made.Items[0])
	if err != nil {
		t.Fatal(err)
	}
	claimed, err := st.Deliveries(t.Context(), it.ID)
	if err != nil {
		t.Fatal(err)
	}
	status := mail.Status{Reply: mail.Reply{Code: 451, Text: "Later"}}
	if _, err := st.Commit(t.Context(), store.Change{Settle: []store.Settlement{{
		Delivery: claimed[0].ID, State: store.Waiting, Status: status, Due: time.Now(), Attempt: true, Delayed: true,
	}}}); err != nil {
		t.Fatal(err)
	}
	q := New(st, nil, nil, DefaultConfig(), slog.New(slog.DiscardHandler))
	left, err := q.stillWaiting(t.Context(), it, makeResults(claimed, []mail.Status{status, status}, time.Now()))
	if err != nil || len(left) != 1 || left[0].ID != claimed[1].ID {
		t.Errorf("left to enter: %+v, %v", left, err)
	}
}
