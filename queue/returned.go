package queue

import (
	"posthorn/mail"
	"posthorn/store"
)

// file makes what a report from elsewhere says about mail of ours part of that
// mail's life: it was taken there, and came back later.
func (d *draft) file(m *mail.Mail) {
	for _, r := range m.Returned {
		kind, status := "bounced", r.Status
		if r.Action != "failed" {
			kind, status = "reported", r.Action+": "+r.Status
		}
		d.change.Events = append(d.change.Events, store.Event{
			Kind: kind, Item: store.ItemID(r.Item), Session: r.QueueID, MessageID: r.MessageID,
			From: r.From, To: r.To, MTA: r.MTA, Status: status, Login: r.Login, Linked: m.QueueID,
		})
	}
}
