package store

import (
	"context"

	"posthorn/internal/db"
)

// What mailboxes are shared with, and annotations, have notes of their own:
// they may be large and change seldom. People stand in them by their logins.
const (
	sharingNoteName     = "posthorn-sharing.json"     // beside a mailbox's note
	annotationsNoteName = "posthorn-annotations.json" // an account's of the server; in the data folder those that all share
)

type sharingNote struct {
	ACL      []notedGrant      `json:",omitempty"`
	Metadata []notedAnnotation `json:",omitempty"`
}

type notedGrant struct {
	Identifier string
	Negative   bool `json:",omitempty"`
	Rights     string
}

type notedAnnotation struct {
	Login string `json:",omitempty"` // "": shared
	Entry string
	Value []byte
}

// sharingState is what a mailbox's sharing note was last written for.
type sharingState struct{ acl, annotated int64 }

// noteSharing writes a mailbox's sharing note where that has changed since the
// last time.
func (s *Store) noteSharing(ctx context.Context, a Account, b *mirrored) error {
	if b.sharing == (sharingState{}) || s.mirror.shared[b.ID] == b.sharing {
		return nil
	}
	var n sharingNote
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		n.ACL, err = collect(tx, func(row scanner) (g notedGrant, err error) {
			var r Rights
			err = row.Scan(&g.Identifier, &g.Negative, &r)
			g.Rights = r.Letters()
			return g, err
		}, `SELECT coalesce(a.login, 'anyone'), l.negative, l.rights FROM acl l LEFT JOIN accounts a ON a.id = l.account
			WHERE l.mailbox = ? AND (l.account = 0 OR a.login IS NOT NULL) ORDER BY l.account, l.negative`, b.ID)
		if err == nil {
			n.Metadata, err = collect(tx, scanNoted, `SELECT coalesce(a.login, ''), x.entry, x.value FROM metadata x LEFT JOIN accounts a ON a.id = x.account
				WHERE x.mailbox = ? AND (x.account = 0 OR a.login IS NOT NULL) ORDER BY x.account, x.entry`, b.ID)
		}
		return err
	})
	if err == nil {
		err = s.writeNote(Place{a.Dir, b.folder}, sharingNoteName, n)
	}
	if err == nil {
		if len(s.mirror.shared) >= maxKnownNotes {
			clear(s.mirror.shared)
		}
		s.mirror.shared[b.ID] = b.sharing
	}
	return err
}

func scanNoted(row scanner) (n notedAnnotation, err error) {
	err = row.Scan(&n.Login, &n.Entry, &n.Value)
	return n, err
}

// noteAnnotations writes the server's annotations that are private to an
// account, or with the zero Account those that all share. There is no note as
// long as there never was one.
func (s *Store) noteAnnotations(ctx context.Context, a Account) error {
	var all []notedAnnotation
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = collect(tx, scanNoted, `SELECT '', entry, value FROM server_metadata WHERE account = ? ORDER BY entry`, a.ID)
		return err
	})
	at := Place{Dir: a.Dir}
	if err == nil && len(all) == 0 {
		var noted bool
		if _, noted, err = readNote[[]notedAnnotation](s.blobs, at, annotationsNoteName); err != nil || !noted {
			return err
		}
	}
	if err != nil {
		return err
	}
	return s.writeNote(at, annotationsNoteName, all)
}

// sharing rebuilds what notes say about people, when all accounts are there.
func (r *reindexer) sharing(ctx context.Context) error {
	if err := r.annotations(ctx, 0, ""); err != nil {
		return err
	}
	for _, b := range r.boxes {
		n, _, err := readNote[sharingNote](r.blobs, b.place, sharingNoteName)
		if err == nil {
			err = r.db.Commit(ctx, int64(b.account), func(tx *db.Tx) error { return b.enterSharing(tx, n) })
		}
		if err == nil && b.place.Folder == "" {
			err = r.annotations(ctx, b.account, b.place.Dir)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rebuilt is a mailbox that was entered.
type rebuilt struct {
	place   Place
	account AccountID
	id      MailboxID
}

// annotations enters those of the server: an account's, or the shared ones.
func (r *reindexer) annotations(ctx context.Context, id AccountID, dir string) error {
	all, _, err := readNote[[]notedAnnotation](r.blobs, Place{Dir: dir}, annotationsNoteName)
	if err != nil || len(all) == 0 {
		return err
	}
	return r.db.Commit(ctx, int64(id), func(tx *db.Tx) error {
		for _, n := range all {
			if err := annotateServer(tx, id, Annotation{Entry: n.Entry, Value: append([]byte{}, n.Value...)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// enterSharing passes over people who are not here any more.
func (b *rebuilt) enterSharing(tx *db.Tx, n sharingNote) error {
	for _, g := range n.ACL {
		account, found, err := noted(tx, g.Identifier)
		rights, bad := ParseRights(g.Rights)
		if err == nil && found && bad == nil {
			err = enterGrant(tx, b.id, account, g.Negative, rights)
		}
		if err != nil {
			return err
		}
	}
	for _, a := range n.Metadata {
		account, found, err := noted(tx, a.Login)
		charged := account
		if a.Login == "" {
			charged = b.account
		}
		if err == nil && found {
			err = annotate(tx, b.id, account, charged, Annotation{Entry: a.Entry, Value: append([]byte{}, a.Value...)})
		}
		if err != nil {
			return err
		}
	}
	_, err := tx.Exec(`UPDATE mailboxes SET acl = ?, annotated = ? WHERE id = ?`, min(len(n.ACL), 1), min(len(n.Metadata), 1), b.id)
	return err
}

// noted is the account of a login in a note: 0 for everybody.
func noted(tx *db.Tx, login string) (id AccountID, found bool, err error) {
	if login == "" || login == Anyone {
		return 0, true, nil
	}
	a, err := accountWithLogin(tx, login)
	if err != nil || a == nil {
		return 0, false, err
	}
	return a.ID, true, nil
}
