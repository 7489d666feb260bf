package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/message"
	"posthorn/queue/report"
	"posthorn/queue/words"
	"posthorn/store"
)

// Notice is word to the administrator, into the mailbox of postmaster, or to an
// account: something that no report to a sender tells, and that somebody should
// see to. The same
// kind about the same key goes out once a day, and at most 20 of a kind do; all
// are in the log.
type Notice struct {
	Kind string // what it is about, in a word or two: "blocked", "account held"
	Key  string // which destination, account or address
	// Account is whose INBOX it goes to, Domain whose postmaster is told; neither:
	// the postmaster of this host.
	Account store.AccountID
	Domain  string
	// Language of the text, "" for English.
	Language string
	// Subject is one line.
	Subject string
	// Text is paragraphs with empty lines between them. They are wrapped, but for
	// lines that begin with a space, as a quotation or a command does. What
	// strangers wrote must have gone through mail.Clean.
	Text string
}

func (n Notice) id() store.Notice { return store.Notice{Kind: n.Kind, Key: n.Key} }

// Notify tells the administrator. It is nil also when that was done before.
func (q *Queue) Notify(ctx context.Context, n Notice) error {
	d := &draft{Queue: q}
	defer d.close()
	if err := d.notify(ctx, n); err != nil {
		return err
	}
	if len(d.change.Notices) == 0 {
		return nil
	}
	_, err := q.st.Commit(ctx, d.change)
	if errors.Is(err, store.ErrExists) {
		return nil // somebody else told it meanwhile
	}
	if err != nil {
		return fmt.Errorf("notify of %s %s: %w", n.Kind, n.Key, err)
	}
	q.tell(d.change.Events)
	if len(d.change.Spool) > 0 {
		q.nudge()
	}
	return nil
}

// notify is Notify as a part of a change. The commit fails with ErrExists when
// the same is told meanwhile; enter and Accept build again then.
func (d *draft) notify(ctx context.Context, n Notice) error {
	if d.hasNotice(n) {
		return nil
	}
	told, err := d.st.Noticed(ctx, n.id(), d.ofKind(n.Kind))
	if err != nil {
		return err
	}
	d.log.Warn("somebody should see to this", "kind", n.Kind, "about", n.Key, "subject", n.Subject, "mailed", !told)
	if told {
		return nil
	}
	d.change.Notices = append(d.change.Notices, n.id())
	to := mail.Recipient{Path: mail.Path{Local: "postmaster", Domain: n.Domain}, Notify: mail.NotifyNever}
	m := &mail.Mail{
		Envelope: mail.Envelope{To: []mail.Recipient{to}, Body: mail.Body8BitMIME},
		QueueID:  mail.NewID(),
		Origin:   mail.Origin{Proven: true, Protocol: "local"},
	}
	m.Content = mail.Bytes(n.compose(m.QueueID, d.cfg.Hostname, time.Now()))
	if n.Account == 0 {
		return d.route(ctx, m, 0)
	}
	blob, err := d.put(ctx, withReturnPath(m))
	d.change.Append = append(d.change.Append, store.Incoming{Blob: blob, Account: n.Account, Role: store.RoleInbox, Overdraw: true})
	return err
}

// ofKind counts the notices of a kind that the change has.
func (d *draft) ofKind(kind string) (n int) {
	for _, has := range d.change.Notices {
		if has.Kind == kind {
			n++
		}
	}
	return n
}

// hasNotice tells whether the change has it already, from another delivery.
func (d *draft) hasNotice(n Notice) bool {
	for _, has := range d.change.Notices {
		if has == n.id() {
			return true
		}
	}
	return false
}

func (n Notice) compose(id, hostname string, now time.Time) []byte {
	var w message.Composer
	w.Addresses("From", message.Address{Name: words.Of(cmp.Or(n.Language, words.English)).Report.From, Mailbox: "MAILER-DAEMON", Host: hostname})
	if n.Account == 0 {
		w.Addresses("To", message.Address{Mailbox: "postmaster", Host: cmp.Or(n.Domain, hostname)})
	}
	w.Field("Subject", mail.Clean(n.Subject))
	w.Date("Date", now)
	w.Structured("Message-ID", "<"+id+"@"+hostname+">")
	if n.Language != "" {
		w.Structured("Content-Language", n.Language)
	}
	w.Structured("Auto-Submitted", "auto-generated") // RFC 3834 §5
	w.Text("plain", paragraphs(n.Text))
	return w.Bytes()
}

// paragraphs wraps a text but for its indented lines.
func paragraphs(text string) string {
	var b strings.Builder
	var lines []string
	flush := func() {
		if len(lines) > 0 {
			b.WriteString(report.Wrap(strings.Join(lines, " "), "", "") + "\n")
			lines = nil
		}
	}
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && line[0] != ' ' {
			lines = append(lines, line)
			continue
		}
		flush()
		b.WriteString(line + "\n")
	}
	flush()
	return b.String()
}
