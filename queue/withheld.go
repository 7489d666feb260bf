package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/queue/report"
	"posthorn/store"
)

// What does not reach another host though one of our addresses leads there: junk,
// which is not sent on, bounces for people who may never have written, and mail of strangers that nobody took and whose sender
// nothing proves, so that a report might go to somebody who never wrote.

// stays tells a decision not to send mail on.
func stays(r mail.Reply) bool {
	return errors.Is(r, mail.JunkStays) || errors.Is(r, mail.NeverWrote)
}

// withhold notes recipients whose mail is not sent on. While the
// sending host is there to hear it and nobody else has the message, it is
// refused; a sender who is proven gets a report.
func (d *draft) withhold(ctx context.Context, m *mail.Mail, kept []result, depth int) error {
	if len(kept) == 0 {
		return nil
	}
	if d.strict && len(kept) == len(m.To) {
		return kept[0].status.Reply
	}
	for _, r := range kept {
		d.record(m, "withheld", r.Recipient, r.status)
	}
	if m.From.IsNull() || !isOurs(m.Origin) && !m.Origin.Proven {
		return nil
	}
	return d.report(ctx, about{Mail: m, arrived: time.Now()}, report.Failed, kept, depth+1)
}

// tellOwner is word about recipients that failed for good and that no report
// tells of: to the owner of the address of ours that leads there, if that has a
// mailbox, else to postmaster of its domain. A bounce that only passes, and mail
// of our own people, is told of elsewhere or nowhere.
func (d *draft) tellOwner(ctx context.Context, it store.Item, lost []result) error {
	by := it.Origin.Forwarder
	if len(lost) == 0 || isOurs(it.Origin) || by.IsNull() && it.Envelope.From.IsNull() {
		return nil
	}
	n := Notice{Kind: "not delivered further", Domain: by.Domain, Subject: "A stranger's mail could not be delivered further"}
	if !by.IsNull() {
		n.Kind = "not sent on by " + mail.Clean(by.String()) // the bound on a kind is each address's own
		n.Subject = fmt.Sprintf("Mail to %s could not be sent on", by)
		a, err := d.st.Address(ctx, by)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if a.Account != nil && a.Account.Enabled {
			n.Account = a.Account.ID
		}
	}
	n.Text = lostText(it, lost)
	return d.notify(ctx, n)
}

// maxLost recipients are named in one word.
const maxLost = 10

// lostText says what happened, why the sender was not told, and where to look.
func lostText(it store.Item, lost []result) string {
	var b strings.Builder
	by := it.Origin.Forwarder
	if by.IsNull() {
		b.WriteString("A message that this server keeps for others could not be delivered.\n")
	} else {
		fmt.Fprintf(&b, "%s sends its mail on to another host, and that host did not take a message.\n", by)
	}
	for i, r := range lost {
		if i == maxLost {
			fmt.Fprintf(&b, "\nAnd %d more recipients.\n", len(lost)-i)
			break
		}
		said := ""
		if r.theirs() {
			said = " (" + mail.Clean(r.status.MTA) + ")"
		}
		fmt.Fprintf(&b, "\n    %s%s\n    %s\n", mail.Clean(r.Recipient.Path.String()), said, mail.Clean(r.status.Reply.String()))
	}
	from := "It has no return path, as bounces have none: nobody else is told."
	if p := it.Envelope.From; !p.IsNull() {
		from = fmt.Sprintf("It says that it comes from %s. Nobody there was told: nothing proves that they wrote it, and a report might go to somebody who never did.", mail.Clean(p.String()))
	}
	fmt.Fprintf(&b, "\n%s\n\nThis letter comes once a day at most. All that happened to the message is told by\n\n    posthorn trace %s\n", from, it.QueueID)
	return b.String()
}
