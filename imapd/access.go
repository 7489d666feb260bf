package imapd

import (
	"context"
	"errors"
	"strings"

	"posthorn/store"
)

// Every mailbox a client names is found here, its own and those of others, and
// found with what the session's user may do with it. Another's mailbox has the
// name "Shared/", its owner's login, "/", and the name it has there; INBOX is no
// exception. A mailbox on which the user has none of the rights that MYRIGHTS
// wants to see, and one of an account that is not there, are answered as one
// that does not exist (RFC 4314 §6).

// sharedPrefix begins the names of others' mailboxes.
const sharedPrefix = store.SharedRoot + separator

// needs is the right each command wants on the mailbox it names: RFC 4314 §4's
// table. CREATE, and RENAME for the new name, want it on the parent; COPY and
// MOVE name the mailbox they put messages into, and so does REPLACE.
var needs = map[string]store.Rights{
	"SELECT":       store.RightRead,
	"EXAMINE":      store.RightRead,
	"STATUS":       store.RightRead,
	"GETQUOTAROOT": store.RightRead,
	"SETACL":       store.RightAdmin,
	"DELETEACL":    store.RightAdmin,
	"GETACL":       store.RightAdmin,
	"LISTRIGHTS":   store.RightAdmin,
	"MYRIGHTS":     0, // any of existence
	"GETMETADATA":  store.RightLookup,
	"SETMETADATA":  store.RightLookup,
	"DELETE":       store.RightDelete,
	"RENAME":       store.RightDelete,
	"APPEND":       store.RightInsert,
	"COPY":         store.RightInsert,
	"UID COPY":     store.RightInsert,
	"MOVE":         store.RightInsert,
	"UID MOVE":     store.RightInsert,
	"REPLACE":      store.RightInsert,
	"UID REPLACE":  store.RightInsert,
}

// needsHere is the right each command wants on the selected mailbox, beside
// RightRead. What STORE may change depends on the flags, and CLOSE without
// RightExpunge only closes.
var needsHere = map[string]store.Rights{
	"EXPUNGE":     store.RightExpunge,
	"UID EXPUNGE": store.RightExpunge,
	"MOVE":        store.RightTrash | store.RightExpunge, // RFC 6851 §4.4
	"UID MOVE":    store.RightTrash | store.RightExpunge,
	"REPLACE":     store.RightTrash | store.RightExpunge,
	"UID REPLACE": store.RightTrash | store.RightExpunge,
}

// existence is what tells that there is a mailbox (RFC 4314 §4, MYRIGHTS).
const existence = store.RightLookup | store.RightRead | store.RightInsert | store.RightCreate | store.RightDelete | store.RightAdmin

// changing are the rights one of which makes a SELECT read-write (RFC 4314
// §5.2).
const changing = store.RightInsert | store.RightExpunge | flagRights

// flagRights allow to change some flags.
const flagRights = store.RightSeen | store.RightWrite | store.RightTrash

var errNotPermitted = no("NOPERM", "You do not have the right to do that")

// place is a mailbox as a session reaches it. The name in it is its client's.
type place struct {
	store.Access
	handle *store.Mailbox
	local  string // the name its owner has for it
}

// reach finds the mailbox a command names, and sees that the user has the right
// the command needs there.
func (s *session) reach(c *call, name string) (place, error) {
	return s.reachFor(c, name, needs[c.name])
}

func (s *session) reachFor(c *call, name string, need store.Rights) (place, error) {
	p := place{}
	owner, local, err := s.ownerOf(c, name)
	if owner != s.account {
		err = s.granted(c, owner, local, err)
	}
	if err != nil {
		return p, err
	}
	if p.handle, p.Access, err = s.srv.store.Reach(c.ctx, s.account, owner, local); err != nil {
		return p, err
	}
	p.Name, p.local = name, local
	return p, permit(p.Rights, need)
}

// granted is ErrNotFound where the user has no right on another's mailbox. It asks
// that first, also where found says that there is no such account: nor does the
// time that an answer takes tell what is there.
func (s *session) granted(c *call, owner store.AccountID, local string, found error) error {
	if found != nil && !errors.Is(found, store.ErrNotFound) {
		return found
	}
	yes, err := s.srv.store.Granted(c.ctx, s.account, owner, local)
	if err == nil && !yes {
		err = store.ErrNotFound
	}
	if err == nil {
		err = found
	}
	return err
}

// takePlace takes the one mailbox name that is a command's whole argument, and
// finds it.
func (s *session) takePlace(c *call) (place, error) {
	name, err := c.takeName()
	if err != nil {
		return place{}, err
	}
	return s.reach(c, name)
}

// permit says why rights are not enough, nil when they are.
func permit(have, need store.Rights) error {
	switch {
	case have&existence == 0:
		return store.ErrNotFound
	case !have.Has(need):
		return errNotPermitted
	}
	return nil
}

// ownerOf gives whose mailbox a name means, and the name it has there.
func (s *session) ownerOf(c *call, name string) (owner store.AccountID, local string, err error) {
	rest, shared := strings.CutPrefix(name, sharedPrefix)
	if !shared {
		return s.account, name, nil
	}
	login, local, _ := strings.Cut(rest, separator)
	a, err := s.srv.store.AccountByLogin(c.ctx, decodeLogin(login))
	if err == nil && (a.ID == s.account || sharedName(a.Login, local) != name) {
		err = store.ErrNotFound // one mailbox has one name
	}
	return a.ID, local, err
}

// sharedName is the name others see for a mailbox.
func sharedName(login, name string) string {
	return sharedPrefix + encodeLogin(login) + separator + name
}

// A login may have a "/" in its local part, which a level of a name may not.
var (
	encodeLogin = strings.NewReplacer("%", "%25", separator, "%2F").Replace
	decodeLogin = strings.NewReplacer("%25", "%", "%2F", separator).Replace
)

// creatable says where a mailbox with that name would be, and whether the user
// may make one there: the nearest level above it that exists decides. On the
// top level an account's own user may, and nobody else.
func (s *session) creatable(c *call, name string) (owner store.AccountID, local string, err error) {
	owner, local, err = s.ownerOf(c, name)
	if errors.Is(err, store.ErrNotFound) {
		return 0, "", errNotPermitted
	}
	for i := strings.LastIndex(local, separator); i > 0 && err == nil; i = strings.LastIndex(local[:i], separator) {
		_, above, err := s.srv.store.Reach(c.ctx, s.account, owner, local[:i])
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err == nil && !above.Rights.Has(store.RightCreate) {
			err = errNotPermitted
		}
		return owner, local, err
	}
	if err == nil && owner != s.account {
		err = errNotPermitted
	}
	return owner, local, err
}

// conceal hides that there is a mailbox: who has no right on it is not told that
// it is in the way.
func (s *session) conceal(c *call, name string, err error) error {
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	if _, e := s.reachFor(c, name, 0); errors.Is(e, store.ErrNotFound) {
		return errNotPermitted
	}
	return err
}

// grant notes what the user may do with the mailbox.
func (v *view) grant(a store.Access, examined bool) {
	v.rights, v.acl, v.examined = a.Rights, a.ACL, examined
	v.readOnly = examined || a.Rights&changing == 0
}

// regrant looks up the rights again after the access control list changed, and
// tells what that changes for the client. Who may not read the mailbox any more
// has lost it: ErrNotFound.
func (s *session) regrant(ctx context.Context, v *view, newest *version) error {
	rights, err := v.box.Rights(ctx, s.account)
	if err == nil && !rights.Has(store.RightRead) {
		err = store.ErrNotFound
	}
	if err != nil {
		return err
	}
	old := *v
	v.grant(store.Access{Box: newest.box, Rights: rights}, v.examined)
	if old.readOnly != v.readOnly {
		code := "READ-WRITE"
		if v.readOnly {
			code = "READ-ONLY"
		}
		s.untagged("OK", code, "Your rights have changed")
	}
	if changeable(old.rights) != changeable(v.rights) {
		s.writeFlags(newest)
	}
	return nil
}

// mayExpunge says whether CLOSE removes messages, by the rights as they are
// now: nobody has looked at them since the last command.
func (s *session) mayExpunge(c *call) (bool, error) {
	rights, err := s.view.box.Rights(c.ctx, s.account)
	if errors.Is(err, store.ErrNotFound) { // nor will there be anything to remove
		return false, nil
	}
	return rights.Has(store.RightRead | store.RightExpunge), err
}
