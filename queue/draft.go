package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// draft is one store.Change being put together: an acceptance with all that
// follows from it, or an outcome. It is thrown away and made anew when the
// commit finds that the world has changed meanwhile.
type draft struct {
	*Queue
	change store.Change
	blobs  []*store.Blob
	names  map[string]string // Message-IDs by queue id, of what was put
	begun  []store.Hold      // of change.Hold those that are new
	ended  []string          // the destinations that change.Unhold frees
	// strict: a local delivery that cannot be made now refuses the whole message,
	// while its sender can still be told so in the session.
	strict bool
}

// maxDepth bounds forwarding from one address of ours to the next, and a report
// about a report about it.
const maxDepth = 8

// close gives back the content that no commit took.
func (d *draft) close() {
	for _, b := range d.blobs {
		d.st.Discard(b)
	}
}

func (d *draft) put(ctx context.Context, m *mail.Mail) (*store.Blob, error) {
	b, err := d.st.Put(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("put %s: %w", m.QueueID, err)
	}
	d.blobs = append(d.blobs, b)
	if d.names == nil {
		d.names = make(map[string]string)
	}
	d.names[m.QueueID] = b.MessageID
	return b, nil
}

// route sends every recipient of m on its way: into mailboxes, into the spool,
// or onward as mail of its own.
func (d *draft) route(ctx context.Context, m *mail.Mail, depth int) error {
	here, away, err := d.split(ctx, m.To)
	if err != nil {
		return err
	}
	defer d.nameRecorded(m, len(d.change.Events))
	d.recordAccepted(m)
	waiting, err := d.waiting(ctx, m, away)
	if err != nil {
		return err
	}
	statuses, err := d.place(ctx, m, here, depth)
	if err != nil {
		return err
	}
	var kept []result
	for i, s := range statuses {
		if s.OK() {
			continue
		}
		if stays(s.Reply) {
			kept = append(kept, result{Delivery: store.Delivery{Recipient: here[i]}, status: s, at: time.Now()})
			continue
		}
		if d.strict && s.Reply.Temporary() {
			return s.Reply
		}
		waiting[0] = append(waiting[0], d.later(m, here[i], s))
	}
	if err := d.withhold(ctx, m, kept, depth); err != nil {
		return err
	}
	return d.spoolAll(ctx, m, waiting)
}

// waiting are the deliveries to other hosts, by how long they are tried; 0 is as
// long as usual.
func (d *draft) waiting(ctx context.Context, m *mail.Mail, away []mail.Recipient) (map[time.Duration][]store.NewDelivery, error) {
	waiting := make(map[time.Duration][]store.NewDelivery)
	keep := make(map[string]time.Duration)
	for _, r := range away {
		domain := r.Path.Key().Domain
		t, known := keep[domain]
		if !known {
			var err error
			if t, err = d.agent.Keep(ctx, domain); err != nil {
				return nil, fmt.Errorf("route to %s: %w", domain, err)
			}
			keep[domain] = t
		}
		waiting[t] = append(waiting[t], store.NewDelivery{Recipient: r, Destination: d.destination(m, r.Path)})
	}
	return waiting, nil
}

// spoolAll makes an item of what is tried equally long: as a rule one, which has
// the message's own queue id.
func (d *draft) spoolAll(ctx context.Context, m *mail.Mail, waiting map[time.Duration][]store.NewDelivery) error {
	for _, keep := range slices.Sorted(maps.Keys(waiting)) {
		expires := d.expires()
		if keep > 0 {
			expires = time.Now().Add(keep)
		}
		if err := d.spool(ctx, m, waiting[keep], expires); err != nil {
			return err
		}
		m = unique(m, m)
	}
	return nil
}

func (d *draft) split(ctx context.Context, to []mail.Recipient) (here, away []mail.Recipient, err error) {
	for _, r := range to {
		ours := r.Path.Domain == "" // postmaster
		if !ours {
			if ours, err = d.placer.Local(ctx, r.Path.Domain); err != nil {
				return nil, nil, fmt.Errorf("route to %s: %w", r.Path.Domain, err)
			}
		}
		if ours {
			here = append(here, r)
		} else {
			away = append(away, r)
		}
	}
	return here, away, nil
}

// later is a local delivery that did not come about. One that may work soon is
// tried again. One that failed for good after its recipient was accepted is for
// the scheduler to report when the sender is ours; a stranger's is held for the
// administrator, for a report might go to somebody who never wrote.
func (d *draft) later(m *mail.Mail, r mail.Recipient, s mail.Status) store.NewDelivery {
	n := store.NewDelivery{Recipient: r, Destination: local, Status: s}
	switch {
	case s.Reply.Temporary():
		n.Due = time.Now().Add(jitter(d.cfg.delay(1)))
		d.record(m, "deferred", r, s)
	case !isOurs(m.Origin) || errors.Is(s.Reply, mail.MailLoop):
		n.Held = true
		d.record(m, "held", r, s)
		d.log.Warn("delivery is held", "queue_id", m.QueueID, "from", m.From.String(), "to", r.Path.String(), "status", s.Reply.String())
	}
	return n
}

// unique gives mail that goes onward a queue id of its own.
func unique(onward, m *mail.Mail) *mail.Mail {
	n := *onward
	n.Parent = m.QueueID
	if n.QueueID == "" || n.QueueID == m.QueueID {
		n.QueueID = mail.NewID()
	}
	return &n
}

func (d *draft) spool(ctx context.Context, m *mail.Mail, waiting []store.NewDelivery, expires time.Time) error {
	blob, err := d.put(ctx, m)
	if err != nil {
		return err
	}
	d.change.Spool = append(d.change.Spool, store.Spooled{
		Blob: blob, QueueID: m.QueueID, Envelope: m.Envelope, Origin: m.Origin,
		MessageID: blob.MessageID, Priority: priority(m, blob.Bulk),
		Expires: expires, Deliveries: waiting,
	})
	return nil
}

// maxHeader bounds what is read of a header section for a report.
const maxHeader = 64 * 1024

// head reads the header section of m.
func head(m *mail.Mail) ([]byte, error) {
	r, err := m.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxHeader))
	if err != nil {
		return nil, err
	}
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		return b[:i+2], nil
	}
	return b[:bytes.LastIndexByte(b, '\n')+1], nil // whole lines of a longer one
}
