package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"posthorn/internal/db"
	"posthorn/mail"
	"posthorn/message"
)

// transfer is messages on their way into another mailbox, with content of their
// own staged for them. In another account they are other messages: EMAILID,
// THREADID and quota are that account's (RFC 8474 §5.1 wants an EMAILID to mean
// one content, and the accounts count on their own).
type transfer struct {
	*prepared
	from    *Mailbox
	mailbox MailboxID
	account AccountID
	at      Place

	sources []Message // as they are
	all     []Message // as they are to become
	blobs   []Blob    // what threads are made of; for another account only
}

// stage gives the content of messages new names in the mailbox to. The messages
// are to keep those of their flags that are in keep.
func (m *Mailbox) stage(ctx context.Context, uids []UID, to MailboxID, keep Flags) (*transfer, error) {
	t := &transfer{prepared: &prepared{Change: new(Change), store: m.store, named: make(map[*unfiled][]File)}, from: m, mailbox: to}
	err := m.store.db.View(ctx, func(tx *db.Tx) error {
		err := tx.Row(`SELECT m.account, a.dir, m.folder FROM mailboxes m JOIN accounts a ON a.id = m.account
			WHERE m.id = ? AND m.name IS NOT NULL AND a.login IS NOT NULL`, to).Scan(&t.account, &t.at.Dir, &t.at.Folder)
		if err != nil {
			return fmt.Errorf("to mailbox %d: %w", to, err)
		}
		t.sources, err = messagesOf(tx, m.id, uids, `expunged = 0`)
		return err
	})
	if err != nil {
		return t, err
	}
	t.all = slices.Clone(t.sources)
	now := time.Now()
	for i := range t.all {
		t.all[i].Saved, t.all[i].UIDL = now, ""
		t.all[i].Flags &= keep
		if err := t.name(ctx, &t.all[i], m.file(t.sources[i])); err != nil {
			return t, err
		}
	}
	m.store.filing.entering(t.contents)
	return t, nil
}

// commit runs op in the commit of the transfer, unless err has ended it already
// or there is nothing to transfer.
func (t *transfer) commit(ctx context.Context, account AccountID, err error, op func(*db.Tx) error) error {
	if err == nil && len(t.all) > 0 {
		err = t.store.commit(ctx, t.store.db.CommitAfter, int64(account), t.prepared, op)
	} else {
		err = t.store.finish(t.prepared, err)
	}
	for _, b := range t.anew {
		t.store.Discard(b)
	}
	return err
}

// name gives one message a key and a name of its own, and reads what its
// thread is found by.
func (t *transfer) name(ctx context.Context, msg *Message, f File) error {
	if t.store.filing.of(f.Key) != nil {
		return t.copy(ctx, msg, f)
	}
	st, err := t.store.blobs.Restage(ctx, f)
	if err != nil {
		return err
	}
	t.unsynced.Staged = append(t.unsynced.Staged, st)
	msg.Key = st.Key()
	named := File{Place: t.at, Key: msg.Key, Size: msg.Size}
	if err := st.Link(named); err != nil {
		return err
	}
	t.unsynced.Files = append(t.unsynced.Files, named)
	if t.account == t.from.account {
		return nil
	}
	var b Blob
	err = describe(ctx, t.store.blobs, &b, named)
	t.blobs = append(t.blobs, b)
	return err
}

// openCopies is how many contents of a transfer may hold their files open.
const openCopies = 256

// copy puts content whose file is not durable yet once more.
func (t *transfer) copy(ctx context.Context, msg *Message, f File) error {
	r, err := t.store.openContent(ctx, f)
	if err != nil {
		return err
	}
	defer r.Close()
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	b, err := t.store.Put(ctx, &mail.Mail{Content: mail.Bytes(body)})
	if err != nil {
		return err
	}
	t.anew = append(t.anew, b)
	if b.staged != nil && len(t.anew) > openCopies {
		if err := t.store.Sync(ctx, b); err != nil {
			return err
		}
	}
	if msg.Key, err = t.place(b, t.at); err != nil {
		return err
	}
	if b.unfiled != nil {
		t.named[b.unfiled] = []File{{Place: t.at, Key: msg.Key, Size: msg.Size}}
	}
	if t.account != t.from.account {
		t.blobs = append(t.blobs, *b)
	}
	return nil
}

// enter writes the rows of the messages into the mailbox.
func (t *transfer) enter(tx *db.Tx) (validity uint32, err error) {
	d := sum(t.all)
	modseq, email, err := chargeAccount(tx, t.account, Quota{d.size, d.messages}, false)
	if err != nil {
		return 0, err
	}
	if err := translate(tx, t.from.id, t.mailbox, t.all); err != nil {
		return 0, err
	}
	for i := range t.blobs {
		msg := &t.all[i]
		msg.Email = email + EmailID(i)
		if msg.Thread, err = thread(tx, t.account, &t.blobs[i], msg.Email); err != nil {
			return 0, err
		}
	}
	return enter(tx, t.mailbox, t.all, modseq)
}

// errStale says that messages went while their content was being staged.
var errStale = errors.New("messages were expunged meanwhile")

// moveAway moves messages into a mailbox of another account: a copy there and
// the expunge here are one commit, so that after a crash each message is in one
// of the two.
func (m *Mailbox) moveAway(ctx context.Context, uids []UID, to MailboxID, keep Flags) (moved Copied, err error) {
	for err = errStale; errors.Is(err, errStale); {
		var t *transfer
		t, err = m.stage(ctx, uids, to, keep)
		err = t.commit(ctx, 0, err, func(tx *db.Tx) (err error) {
			moved.UIDValidity, err = t.cross(tx, keep)
			return err
		})
		moved.From, moved.To = uidsOf(t.sources), uidsOf(t.all)
	}
	if err != nil {
		return Copied{}, err
	}
	return moved, nil
}

// cross does both sides; accounts are taken in the order of their ids.
func (t *transfer) cross(tx *db.Tx, keep Flags) (validity uint32, err error) {
	if _, err := t.from.read(tx); err != nil {
		return 0, err
	}
	live, err := messagesOf(tx, t.from.id, uidsOf(t.sources), `expunged = 0`)
	if err != nil {
		return 0, err
	}
	if len(live) != len(t.sources) {
		return 0, errStale
	}
	for i := range live {
		t.all[i].Flags = live[i].Flags & keep
	}
	if t.from.account > t.account {
		if validity, err = t.enter(tx); err != nil {
			return 0, err
		}
	}
	if _, err := remove(tx, t.from.account, t.from.id, Place{t.from.dir, *t.from.folder.Load()}, live, time.Now()); err != nil {
		return 0, err
	}
	if t.from.account < t.account {
		validity, err = t.enter(tx)
	}
	return validity, err
}

// describe reads a message's header section and how it ends. Content that is
// cut is described as far as it goes: it is told of and not forgotten.
func describe(ctx context.Context, blobs Blobs, b *Blob, f File) error {
	rd, err := blobs.Open(ctx, f)
	if errors.Is(err, ErrCorrupt) {
		return nil
	}
	if err != nil {
		return err
	}
	defer rd.Close()
	h := headerReader{r: rd}
	if _, err := io.CopyN(io.Discard, &h, maxHeader); err != nil && err != io.EOF {
		return err
	}
	b.describe(message.ParseHeader(h.section()))
	b.unended, err = unended(rd)
	return err
}
