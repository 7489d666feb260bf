package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"posthorn/internal/db"
)

// foundAccount is an account's folder as it lies on the disk.
type foundAccount struct {
	dir    string
	note   accountNote
	id     AccountID
	places []foundBox
	modseq ModSeq // above all that were ever given
	email  EmailID
	keys   map[Key]bool
}

// account rebuilds one account. A folder without a note becomes one that nobody
// can log in to, named after its folder: its mail is not lost to sight.
func (r *reindexer) account(ctx context.Context, a *foundAccount) error {
	if a.dir == "" {
		return nil // the spool
	}
	n, noted, err := readNote[accountNote](r.blobs, Place{Dir: a.dir}, accountNoteName)
	if err != nil {
		return err
	}
	if n.Removed || !noted && len(a.files()) == 0 {
		return nil
	}
	if !noted {
		n = accountNote{Login: a.dir + "@recovered.invalid", Created: time.Now()}
	}
	a.note, a.keys, a.modseq = n, make(map[Key]bool), 1
	if err := a.readNotes(r.blobs); err != nil {
		return err
	}
	err = r.db.Commit(ctx, 0, func(tx *db.Tx) error { return a.enter(tx) })
	if err != nil {
		return fmt.Errorf("account %s in %s: %w", n.Login, a.dir, err)
	}
	for i := range a.places {
		if err := r.box(ctx, a, &a.places[i]); err != nil {
			return fmt.Errorf("account %s, folder %q: %w", n.Login, a.places[i].place.Folder, err)
		}
		if b := &a.places[i]; !b.note.Deleted {
			r.boxes = append(r.boxes, rebuilt{b.place, a.id, b.id})
		}
	}
	return r.db.Commit(ctx, int64(a.id), func(tx *db.Tx) error {
		_, err := tx.Exec(`UPDATE accounts SET modseq = ?1, email = ?2,
				used_bytes = (SELECT coalesce(sum(size), 0) FROM mailboxes WHERE account = ?3 AND name IS NOT NULL),
				used_messages = (SELECT coalesce(sum(messages), 0) FROM mailboxes WHERE account = ?3 AND name IS NOT NULL)
			WHERE id = ?3`, a.modseq, a.email, a.id)
		return err
	})
}

func (a *foundAccount) files() (all []Found) {
	for _, p := range a.places {
		all = append(all, p.files...)
	}
	return all
}

// readNotes reads what is known of the mailboxes, and gives names and numbers to
// those without a note.
func (a *foundAccount) readNotes(blobs Blobs) error {
	names := make(map[string]bool)
	empty := a.emptyBoxes()
	for i := range a.places {
		b := &a.places[i]
		n, noted, err := readNote[boxNote](blobs, b.place, boxNoteName)
		if err != nil {
			return err
		}
		if !noted {
			if n, noted = empty[b.place.Folder]; !noted {
				n = boxNote{Name: mailboxOf(b.place.Folder)}
			}
		}
		if notReserved(n.Name) != nil {
			n.Name = "Own " + n.Name
		}
		if b.place.Folder == "" {
			n.Name, n.Role = "INBOX", RoleInbox
		}
		for base, k := n.Name, 2; !n.Deleted && names[n.Name]; k++ {
			n.Name, n.Role = fmt.Sprintf("%s-%d", base, k), ""
		}
		if !n.Deleted {
			names[n.Name] = true
		}
		b.note = n
		a.modseq = max(a.modseq, n.ModSeqs)
		a.note.UIDValidity = max(a.note.UIDValidity, n.UIDValidity)
	}
	a.note.UIDValidity = max(a.note.UIDValidity, uint32(time.Now().Unix()))
	for i := range a.places {
		if n := &a.places[i].note; n.UIDValidity == 0 {
			a.note.UIDValidity++
			n.UIDValidity = a.note.UIDValidity
		}
	}
	return nil
}

// emptyBoxes gives the mailboxes that stand in the account's note, by their
// folders, and adds those that have none to what was found.
func (a *foundAccount) emptyBoxes() map[string]boxNote {
	empty := make(map[string]boxNote)
	for _, n := range a.note.Mailboxes {
		empty[n.Folder] = n
		if !slices.ContainsFunc(a.places, func(b foundBox) bool { return b.place.Folder == n.Folder }) {
			a.places = append(a.places, foundBox{place: Place{a.dir, n.Folder}})
		}
	}
	return empty
}

func (a *foundAccount) enter(tx *db.Tx) error {
	_, domain, err := addressKey(a.note.Login)
	if err != nil {
		return err
	}
	if other, err := accountWithLogin(tx, a.note.Login); err != nil {
		return err
	} else if other != nil {
		a.note.Login, domain, a.note.Enabled, a.note.Admin = a.dir+"@recovered.invalid", "recovered.invalid", false, false
	}
	boxes := int64(DefaultBoxes)
	if a.note.Boxes != nil {
		boxes = *a.note.Boxes
	}
	a.id, err = insertAccount(tx, Account{Login: a.note.Login, Dir: a.dir, Enabled: a.note.Enabled, Limit: a.note.Limit, Boxes: boxes, Admin: a.note.Admin,
		Manners: a.note.Manners, Created: a.note.Created},
		domain, a.note.Password)
	if err == nil {
		_, err = tx.Exec(`UPDATE accounts SET uidvalidity = ? WHERE id = ?`, a.note.UIDValidity, a.id)
	}
	if err == nil {
		err = a.enterCredentials(tx)
	}
	for i := 0; i < len(a.note.Subscribed) && err == nil; i++ {
		err = subscribe(tx, a.id, a.note.Subscribed[i])
	}
	return err
}

// enterCredentials enters all but the password, which stands with the account.
func (a *foundAccount) enterCredentials(tx *db.Tx) error {
	if k := a.note.SCRAM; k.Salt != nil {
		if err := setSalt(tx, a.id, k); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE scram SET keys = ? WHERE account = ?`, append([]byte{}, k.Keys...), a.id); err != nil {
			return err
		}
	}
	for _, app := range a.note.Apps {
		if err := insertAppPassword(tx, a.id, app); err != nil {
			return err
		}
	}
	return nil
}

// mailboxOf is the name that FolderName made a folder of.
func mailboxOf(folder string) string {
	folder, _, _ = strings.Cut(strings.TrimPrefix(folder, "."), "~")
	var b strings.Builder
	for i := 0; i < len(folder); i++ {
		c := folder[i]
		switch {
		case c == '.':
			c = '/'
		case c == '%' && i+2 < len(folder):
			if n, err := strconv.ParseUint(folder[i+1:i+3], 16, 8); err == nil {
				c = byte(n)
				i += 2
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}
