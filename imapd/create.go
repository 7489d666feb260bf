package imapd

import (
	"strings"

	"posthorn/store"
)

// roles are the special uses of RFC 6154 §2 with the store's words for them.
var roles = []struct {
	attribute string
	role      store.Role
}{
	{`\All`, store.RoleAll},
	{`\Archive`, store.RoleArchive},
	{`\Drafts`, store.RoleDrafts},
	{`\Flagged`, store.RoleFlagged},
	{`\Junk`, store.RoleJunk},
	{`\Sent`, store.RoleSent},
	{`\Trash`, store.RoleTrash},
}

// attribute is the attribute LIST gives a mailbox of a role, "" for none.
func attribute(role store.Role) string {
	for _, r := range roles {
		if r.role == role {
			return r.attribute
		}
	}
	return ""
}

// create: RFC 9051 §6.3.4, with USE of RFC 6154 §3.
func (s *session) create(c *call) error {
	d := c.dec
	d.SP()
	name := canonical(d.Mailbox())
	var uses []string
	if d.TakeSP() {
		d.List(func() {
			if d.Word() != "USE" {
				d.Fail("not a parameter of CREATE")
			}
			d.SP()
			uses = append(uses, d.Flags()...)
		})
	}
	if err := d.End(); err != nil {
		return err
	}
	// A separator at the end says that there will be mailboxes below it
	// (RFC 9051 §6.3.4): there may be, always.
	owner, local, err := s.creatable(c, strings.TrimSuffix(name, separator))
	if err != nil {
		return err
	}
	role, err := s.roleFor(c, owner, uses)
	if err != nil {
		return err
	}
	box, err := s.srv.store.CreateMailbox(c.ctx, owner, local, role)
	if err == nil {
		c.code = "MAILBOXID (" + mailboxID(box.ID) + ")" // RFC 8474 §4.1
	}
	if err == nil && owner == s.account { // another's may inherit that it cannot be looked up
		s.notify.created(local, box)
	}
	return s.conceal(c, strings.TrimSuffix(name, separator), err)
}

// roleFor gives the one role that uses name and that is free: a mailbox has
// one at most, and a role has one mailbox. Only its owner has special uses.
func (s *session) roleFor(c *call, owner store.AccountID, uses []string) (store.Role, error) {
	switch {
	case len(uses) == 0:
		return "", nil
	case len(uses) > 1:
		return "", no("USEATTR", "A mailbox can have one special use only")
	case owner != s.account:
		return "", no("USEATTR", "A mailbox of another user can have no special use")
	}
	for _, r := range roles {
		if !strings.EqualFold(r.attribute, uses[0]) || r.role == store.RoleAll || r.role == store.RoleFlagged {
			continue
		}
		all, err := s.srv.store.Mailboxes(c.ctx, s.account)
		if err != nil {
			return "", err
		}
		for _, b := range all {
			if b.Role == r.role {
				return "", no("USEATTR", "Another mailbox has that special use")
			}
		}
		return r.role, nil
	}
	return "", no("USEATTR", "That special use is not offered")
}
