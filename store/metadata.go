package store

import (
	"context"
	"fmt"
	"strings"

	"posthorn/internal/db"
)

// Limits of annotations (RFC 5464 §4.1 wants 1,024 octets and 10 entries at
// least).
const (
	MaxAnnotation     = 64 << 10 // octets of a value
	MaxAnnotations    = 100      // entries of one mailbox, or of the server, that are shared or one user's
	AnnotationStorage = 1 << 20  // octets of all values that one account is charged for
	maxEntry          = 500      // octets of an entry's name
)

// Annotation is one entry of a mailbox or of the server.
type Annotation struct {
	Shared bool   // for all; else the user's own
	Entry  string // "/comment": without /shared or /private
	Value  []byte // nil: there is none
}

// EntryName is an entry's name in the form it is kept in: names are compared
// without regard to case. ErrInvalid for one that RFC 5464 §3.2 forbids.
func EntryName(name string) (string, error) {
	name = strings.ToLower(name)
	bad := func(c rune) bool { return c < ' ' || c >= 0x7f || c == '*' || c == '%' }
	if len(name) < 2 || name[0] != '/' || len(name) > maxEntry || strings.HasSuffix(name, "/") || strings.Contains(name, "//") ||
		strings.ContainsFunc(name, bad) {
		return "", fmt.Errorf("entry %q: %w", name, ErrInvalid)
	}
	return name, nil
}

// Metadata lists a mailbox's annotations that are shared, and those of one
// account, by name.
func (m *Mailbox) Metadata(ctx context.Context, viewer AccountID) (all []Annotation, err error) {
	err = m.store.db.View(ctx, func(tx *db.Tx) error {
		if _, err := m.read(tx); err != nil {
			return err
		}
		all, err = collect(tx, scanAnnotation, `SELECT account = 0, entry, value FROM metadata
			WHERE mailbox = ? AND account IN (0, ?) ORDER BY account = 0, entry`, m.id, viewer)
		return err
	})
	return all, m.failed("read metadata of", err)
}

// Metadata lists the server's annotations that are shared, and those of one
// account, by name.
func (s *Store) Metadata(ctx context.Context, viewer AccountID) (all []Annotation, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		all, err = collect(tx, scanAnnotation, `SELECT account = 0, entry, value FROM server_metadata
			WHERE account IN (0, ?) ORDER BY account = 0, entry`, viewer)
		return err
	})
	return all, fail("read metadata", err)
}

func scanAnnotation(row scanner) (a Annotation, err error) {
	err = row.Scan(&a.Shared, &a.Entry, &a.Value)
	if a.Value == nil {
		a.Value = []byte{}
	}
	return a, err
}

// SetMetadata changes a mailbox's annotations, all or none; names are in the
// form of EntryName. ErrLimit for too many, ErrOverQuota when the account they
// are charged to has no room.
func (m *Mailbox) SetMetadata(ctx context.Context, viewer AccountID, all []Annotation) error {
	err := m.store.db.Commit(ctx, int64(m.account), func(tx *db.Tx) error {
		b, err := m.read(tx)
		for i := 0; i < len(all) && err == nil; i++ {
			account, charged := viewer, viewer
			if all[i].Shared {
				account, charged = 0, b.Account
			}
			err = annotate(tx, b.ID, account, charged, all[i])
		}
		if err != nil {
			return err
		}
		for _, charged := range []AccountID{viewer, b.Account} {
			if err := annotationRoom(tx, charged); err != nil {
				return err
			}
		}
		return m.sharingChanged(tx, "annotated")
	})
	if err != nil {
		return m.failed("annotate", err)
	}
	m.store.changed(m.account)
	return nil
}

// sharingChanged counts a change that the mailbox's sharing note must follow.
func (m *Mailbox) sharingChanged(tx *db.Tx, counter string) error {
	modseq, err := discharge(tx, m.account, Quota{})
	if err != nil {
		return err
	}
	return one(tx.Exec(`UPDATE mailboxes SET modseq = ?, `+counter+` = `+counter+` + 1 WHERE id = ? AND name IS NOT NULL`, modseq, m.id))
}

func annotate(tx *db.Tx, box MailboxID, account, charged AccountID, a Annotation) error {
	if a.Value == nil {
		_, err := tx.Exec(`DELETE FROM metadata WHERE mailbox = ? AND account = ? AND entry = ?`, box, account, a.Entry)
		return err
	}
	_, err := tx.Exec(`INSERT INTO metadata (mailbox, account, entry, value, charged) VALUES (?1, ?2, ?3, ?4, ?5)
		ON CONFLICT (mailbox, account, entry) DO UPDATE SET value = ?4`, box, account, a.Entry, a.Value, charged)
	if err != nil {
		return err
	}
	return notTooMany(tx, `SELECT count(*) FROM metadata WHERE mailbox = ? AND account = ?`, box, account)
}

func notTooMany(tx *db.Tx, query string, args ...any) error {
	var n int
	err := tx.Row(query, args...).Scan(&n)
	if err == nil && n > MaxAnnotations {
		err = fmt.Errorf("%d annotations: %w", n, ErrLimit)
	}
	return err
}

// SetMetadata changes the server's annotations, as Mailbox.SetMetadata does.
// Shared ones are charged to nobody: administrators make them.
func (s *Store) SetMetadata(ctx context.Context, viewer AccountID, all []Annotation) error {
	err := s.db.Commit(ctx, int64(viewer), func(tx *db.Tx) error {
		for _, a := range all {
			account := viewer
			if a.Shared {
				account = 0
			}
			if err := annotateServer(tx, account, a); err != nil {
				return err
			}
		}
		return annotationRoom(tx, viewer)
	})
	if err != nil {
		return fail("annotate the server", err)
	}
	s.changed(viewer)
	s.mirror.directory()
	return nil
}

func annotateServer(tx *db.Tx, account AccountID, a Annotation) error {
	if a.Value == nil {
		_, err := tx.Exec(`DELETE FROM server_metadata WHERE account = ? AND entry = ?`, account, a.Entry)
		return err
	}
	_, err := tx.Exec(`INSERT INTO server_metadata (account, entry, value) VALUES (?1, ?2, ?3)
		ON CONFLICT (account, entry) DO UPDATE SET value = ?3`, account, a.Entry, a.Value)
	if err != nil {
		return err
	}
	return notTooMany(tx, `SELECT count(*) FROM server_metadata WHERE account = ?`, account)
}

// AnnotationsUsed is how many octets of values an account is charged for.
func (s *Store) AnnotationsUsed(ctx context.Context, id AccountID) (used int64, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		used, err = annotationsUsed(tx, id)
		return err
	})
	return used, fail("count annotations", err)
}

func annotationsUsed(tx *db.Tx, id AccountID) (used int64, err error) {
	err = tx.Row(`SELECT (SELECT coalesce(sum(length(x.value)), 0) FROM metadata x JOIN mailboxes m ON m.id = x.mailbox
			WHERE x.charged = ?1 AND m.name IS NOT NULL)
		+ (SELECT coalesce(sum(length(value)), 0) FROM server_metadata WHERE account = ?1)`, id).Scan(&used)
	return used, err
}

func annotationRoom(tx *db.Tx, charged AccountID) error {
	used, err := annotationsUsed(tx, charged)
	if err == nil && used > AnnotationStorage {
		err = fmt.Errorf("annotations of %d octets: %w", used, ErrOverQuota)
	}
	return err
}

// copyAnnotations gives a mailbox those of another.
func copyAnnotations(tx *db.Tx, from, to MailboxID) error {
	n, err := tx.Exec(`INSERT INTO metadata (mailbox, account, entry, value, charged)
		SELECT ?, account, entry, value, charged FROM metadata WHERE mailbox = ?`, to, from)
	if err == nil && n > 0 {
		_, err = tx.Exec(`UPDATE mailboxes SET annotated = 1 WHERE id = ?`, to)
	}
	return err
}

// forgetAnnotations takes away what a removed account kept for itself.
func forgetAnnotations(tx *db.Tx, id AccountID) error {
	_, err := tx.Exec(`UPDATE mailboxes SET annotated = annotated + 1 WHERE id IN (SELECT mailbox FROM metadata WHERE charged = ?1 AND account = ?1)`, id)
	if err == nil {
		_, err = tx.Exec(`DELETE FROM metadata WHERE charged = ?1 AND account = ?1`, id)
	}
	if err == nil {
		_, err = tx.Exec(`DELETE FROM server_metadata WHERE account = ?`, id)
	}
	return err
}
