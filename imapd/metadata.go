package imapd

import (
	"errors"
	"strconv"
	"strings"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// METADATA (RFC 5464): annotations of mailboxes, and of the server under the
// mailbox name "". What is private is each user's own; what is shared may be
// changed with the right w, on the server by an administrator. /shared/admin of
// the server is ours to say.

// annotating is what RFC 5464 §3.3 wants beside RightLookup: any of these.
const annotating = store.RightRead | store.RightSeen | store.RightWrite | store.RightInsert | store.RightPost

// metadataSource is what has annotations: a mailbox or the server.
type metadataSource struct {
	name      string // the mailbox's, as its client says it; "" for the server
	id        store.MailboxID
	box       *store.Mailbox
	mayChange bool // what is shared
}

// metadataOf finds what a mailbox name stands for.
func (s *session) metadataOf(c *call, name string) (m metadataSource, err error) {
	if name == "" {
		a, err := s.srv.store.Account(c.ctx, s.account)
		return metadataSource{mayChange: a.Admin}, err
	}
	p, err := s.reach(c, canonical(name))
	if err == nil && p.Rights&annotating == 0 {
		err = errNotPermitted
	}
	return metadataSource{p.Name, p.ID, p.handle, p.Rights.Has(store.RightWrite)}, err
}

// getMetadata: RFC 5464 §4.2.
func (s *session) getMetadata(c *call) error {
	q, err := takeMetadataQuery(c.dec)
	if err != nil {
		return err
	}
	m, err := s.metadataOf(c, q.mailbox)
	if err != nil {
		return err
	}
	all, err := s.annotations(c, m)
	if err != nil {
		return err
	}
	s.writeMetadata(m.name, q.pick(all))
	if q.longest > 0 {
		c.code = q.longEntries()
	}
	return nil
}

// listMetadata tells what LIST asks for of one mailbox (RFC 9590 §4).
func (s *session) listMetadata(c *call, q *metadataQuery, e *entry) error {
	var all []store.Annotation
	if e.box.Annotated > 0 {
		m, err := s.srv.store.MailboxByID(c.ctx, e.box.ID)
		if err == nil {
			all, err = m.Metadata(c.ctx, s.account)
		}
		if errors.Is(err, store.ErrNotFound) { // deleted meanwhile
			return nil
		}
		if err != nil {
			return err
		}
	}
	s.writeMetadata(e.name, q.pick(all))
	return nil
}

// annotations reads what there is, with what the server says about itself.
func (s *session) annotations(c *call, m metadataSource) ([]store.Annotation, error) {
	if m.box != nil {
		return m.box.Metadata(c.ctx, s.account)
	}
	all, err := s.srv.store.Metadata(c.ctx, s.account)
	if err != nil {
		return nil, err
	}
	a, err := s.srv.store.Account(c.ctx, s.account)
	if err != nil {
		return nil, err
	}
	domain := a.Login[strings.LastIndex(a.Login, "@")+1:]
	return append(all, store.Annotation{Shared: true, Entry: adminEntry, Value: []byte("mailto:postmaster@" + domain)}), nil
}

// adminEntry is how to reach the administrator, a URI nobody can change (RFC
// 5464 §6.2.1).
const adminEntry = "/admin"

func (s *session) writeMetadata(name string, all []store.Annotation) {
	if len(all) == 0 {
		return
	}
	s.out.Raw("* METADATA ")
	if name == "" {
		s.out.Raw(`""`)
	} else {
		s.out.Mailbox(name)
	}
	s.out.Raw(" (")
	for i, a := range all {
		if i > 0 {
			s.out.SP()
		}
		s.out.Raw(entryName(a)).SP()
		if a.Value == nil {
			s.out.Raw("NIL")
		} else {
			s.out.Value(string(a.Value))
		}
	}
	s.out.Raw(")").CRLF()
}

// entryName is an entry's full name. It consists of characters that an atom may
// have, or stands in quotes.
func entryName(a store.Annotation) string {
	name := privateEntries + a.Entry
	if a.Shared {
		name = sharedEntries + a.Entry
	}
	if strings.ContainsAny(name, ` (){"\]`) {
		name = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	}
	return name
}

// setMetadata: RFC 5464 §4.3.
func (s *session) setMetadata(c *call) error {
	d := c.dec
	d.SP()
	name := d.Mailbox()
	d.SP()
	var all []store.Annotation
	var wrong error
	d.List(func() {
		a := takeEntry(d)
		d.SP()
		if v, ok := d.Value(); ok {
			a.Value = []byte(v)
			if len(v) > store.MaxAnnotation && wrong == nil {
				wrong = no("METADATA MAXSIZE "+strconv.Itoa(store.MaxAnnotation), "That value is too large")
			}
		}
		all = append(all, a)
	})
	if len(all) == 0 {
		d.Fail("expected an entry")
	}
	if err := d.End(); err != nil {
		return err
	}
	m, err := s.metadataOf(c, name)
	if err != nil {
		return err
	}
	for _, a := range all {
		if a.Shared && (!m.mayChange || m.box == nil && a.Entry == adminEntry) {
			return errNotPermitted
		}
	}
	if wrong != nil {
		return wrong
	}
	if m.box != nil {
		err = m.box.SetMetadata(c.ctx, s.account, all)
	} else {
		err = s.srv.store.SetMetadata(c.ctx, s.account, all)
	}
	if err == nil {
		s.notify.annotated(m.id, all)
	}
	if errors.Is(err, store.ErrLimit) {
		err = no("METADATA TOOMANY", "There are too many entries")
	}
	return err
}

// takeEntry takes the name of an entry with a value.
func takeEntry(d *wire.Decoder) (a store.Annotation) {
	name := d.AString()
	if d.Err() != nil {
		return a
	}
	a, err := parseEntry(name)
	if err != nil || a.Entry == "" {
		d.Fail("%q is not an entry", name)
	}
	return a
}

const (
	sharedEntries  = "/shared"
	privateEntries = "/private"
)

// parseEntry reads a full name; the Entry is "" for all that is shared, or
// private.
func parseEntry(name string) (a store.Annotation, err error) {
	lower := strings.ToLower(name)
	rest, ok := strings.CutPrefix(lower, sharedEntries)
	if a.Shared = ok; !ok {
		rest, ok = strings.CutPrefix(lower, privateEntries)
	}
	if !ok {
		return a, store.ErrInvalid
	}
	if rest != "" {
		a.Entry, err = store.EntryName(rest)
	}
	return a, err
}
