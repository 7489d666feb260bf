package imapd

import (
	"fmt"
	"strconv"

	"posthorn/imapd/wire"
	"posthorn/internal/serve"
	"posthorn/mail"
	"posthorn/store"
)

// appendCommand: RFC 9051 §6.3.12, with any number of messages (RFC 3502).
func (s *session) appendCommand(c *call) error {
	c.dec.SP()
	a := &appender{s: s, c: c, name: canonical(c.dec.Mailbox())}
	defer a.discard()
	for {
		if err := a.message(); err != nil {
			return err
		}
		if !c.dec.More() {
			break
		}
	}
	if err := c.dec.End(); err != nil {
		return err
	}
	done, err := a.commit()
	if err != nil {
		return err
	}
	c.code = appendUID(done)
	return nil
}

// appender takes messages from an APPEND or REPLACE and keeps their content
// until all are entered at once.
type appender struct {
	s        *session
	c        *call
	name     string // of the mailbox
	box      place
	size     int64 // octets of the messages so far
	in       []store.Incoming
	syncing  syncer
	replaces *store.Message // goes when they come; nil for APPEND
}

// message takes one message: flags, date and content (RFC 4466 §2.2). Whatever
// speaks against it is said before the content is sent, if the client waits for
// that.
func (a *appender) message() error {
	d := a.c.dec
	d.SP()
	var in store.Incoming
	var flags []string
	if d.At('(') {
		flags = d.Flags()
		d.SP()
	}
	if d.At('"') {
		in.Internal = d.DateTime()
		d.SP()
	}
	if err := d.Err(); err != nil {
		return err
	}
	var err error
	if in.Flags, in.Keywords, err = splitFlags(flags); err != nil {
		return err
	}
	content, err := a.content()
	if err != nil {
		return err
	}
	defer content.Free()
	if content.Size() == 0 {
		// RFC 3502: so a client says that it wants none of them.
		return no("", "A message cannot be empty")
	}
	return a.stage(in, content)
}

// content takes append-data: a literal, UTF8 (literal8) or CATENATE (parts).
func (a *appender) content() (*serve.Spool, error) {
	d := a.c.dec
	if d.At('{') || d.At('~') {
		return a.literal()
	}
	switch word := d.Word(); {
	case word == "UTF8" && a.s.mayUTF8():
		d.SP()
		d.Need('(')
		content, err := a.literal()
		if err != nil {
			return nil, err
		}
		if d.Need(')'); d.Err() != nil {
			content.Free()
			return nil, d.Err()
		}
		return content, nil
	case word == "CATENATE":
		d.SP()
		return a.catenate()
	}
	d.Fail("expected a message")
	return nil, d.Err()
}

// mayUTF8: UTF8 (~{n}) is for clients that said they know it (RFC 6855 §4).
func (s *session) mayUTF8() bool { return s.utf8 || s.rev2 }

// literal takes a message that the client sends.
func (a *appender) literal() (*serve.Spool, error) {
	d := a.c.dec
	size, eight := d.Stream()
	if err := d.Err(); err != nil {
		return nil, err
	}
	if err := a.ready(size); err != nil {
		return nil, err
	}
	take := a.s.spool
	if eight {
		take = a.s.spoolBinary
	}
	content, err := take(d.Octets())
	if err != nil {
		return nil, err
	}
	if d.Resume(); d.Err() != nil {
		content.Free()
		return nil, d.Err()
	}
	return content, nil
}

// ready says no before a message that is too large or one too many, or that has
// no room or no mailbox.
func (a *appender) ready(size int64) error {
	if a.s.exceeds(int64(len(a.in)) + 1) {
		return a.s.tooMany()
	}
	if len(a.in) == maxAppends {
		return no("LIMIT", "More messages than one command can bring: "+strconv.Itoa(maxAppends))
	}
	if a.box.ID == 0 {
		box, err := a.s.targetBox(a.c, a.name)
		if err != nil {
			return err
		}
		a.box = box
	}
	if size > a.limit() {
		return a.tooBig()
	}
	return a.room(size)
}

// limit is how many octets a message can have.
func (a *appender) limit() int64 { return int64(a.s.srv.config.AppendLimit) }

func (a *appender) tooBig() error {
	return no("TOOBIG", "A message can have "+strconv.FormatInt(a.limit(), 10)+" octets at most")
}

// room says no to messages that have no room in the quota or on the disk. What
// is replaced makes room in its own account.
func (a *appender) room(size int64) error {
	size += a.size
	more := int64(len(a.in) + 1)
	free := store.Quota{}
	if a.replaces != nil && a.box.Account == a.s.view.seen.box.Account {
		free = store.Quota{Bytes: a.replaces.Size, Messages: 1}
	}
	owner, err := a.s.srv.store.Account(a.c.ctx, a.box.Account)
	if err != nil {
		return err
	}
	l, used := owner.Limit, owner.Used
	if l.Bytes > 0 && used.Bytes+size-free.Bytes > l.Bytes || l.Messages > 0 && used.Messages+more-free.Messages > l.Messages {
		return store.ErrOverQuota
	}
	return a.s.srv.store.Space(size)
}

// appendLimit is the value of APPENDLIMIT= (RFC 7889 §3).
func (s *session) appendLimit() []string {
	return []string{strconv.FormatInt(int64(s.srv.config.AppendLimit), 10)}
}

// stage puts content where a commit takes it from.
func (a *appender) stage(in store.Incoming, content *serve.Spool) error {
	st := a.s.srv.store
	blob, err := st.Put(a.c.ctx, &mail.Mail{QueueID: mail.NewID(), Content: content})
	if err != nil {
		return err
	}
	in.Blob, in.Account, in.Mailbox = blob, a.box.Account, a.box.ID
	in.Flags, in.Keywords = allowed(a.box.Rights, in.Flags, in.Keywords)
	a.in = append(a.in, in)
	a.size += blob.Size
	if len(a.in) > maxStaged {
		a.syncing.begin(a.c.ctx, st, blob)
	}
	return nil
}

// discard forgets what was not committed.
func (a *appender) discard() {
	_ = a.syncing.wait() // whatever failed goes now
	for i := range a.in {
		a.s.srv.store.Discard(a.in[i].Blob)
	}
}

// stillMay looks once more at login and rights: as long as its client likes,
// messages are on their way to a mailbox that was found when the first began.
func (a *appender) stillMay() error {
	s := a.s
	if err := s.still(); err != nil {
		s.broken = err
		return err
	}
	box, err := s.targetBox(a.c, a.name)
	if err != nil {
		return err
	}
	for i := range a.in {
		in := &a.in[i]
		in.Flags, in.Keywords = allowed(box.Rights, in.Flags, in.Keywords)
	}
	if a.replaces == nil {
		return nil
	}
	rights, err := s.view.box.Rights(a.c.ctx, s.account)
	if err == nil && !rights.Has(store.RightRead|needsHere[a.c.name]) {
		err = errNotPermitted
	}
	return err
}

// commit enters all messages or none.
func (a *appender) commit() ([]store.Appended, error) {
	if err := a.syncing.wait(); err != nil {
		return nil, err
	}
	if err := a.stillMay(); err != nil {
		return nil, err
	}
	change := store.Change{Append: a.in}
	if a.replaces != nil {
		from := a.s.view.seen.box
		change.Remove = []store.Removal{{Account: from.Account, Mailbox: from.ID, UID: a.replaces.UID}}
	}
	done, err := a.s.srv.store.Commit(a.c.ctx, change)
	if err != nil {
		return nil, target(err)
	}
	if a.s.state == selected && (a.replaces != nil || a.s.view.box.id == a.box.ID) {
		a.s.view.box.touch()
	}
	return done.Appended, nil
}

// appendUID is the response code of RFC 4315 §3. One commit gives messages of
// one mailbox ascending UIDs, in the order of the command.
func appendUID(done []store.Appended) string {
	uids := make([]store.UID, len(done))
	for i := range done {
		uids[i] = done[i].UID
	}
	return fmt.Sprintf("APPENDUID %d %s", done[0].UIDValidity, wire.FormatRanges(wire.Compact(uids)))
}
