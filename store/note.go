package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io/fs"
	"sync"
	"time"

	"posthorn/internal/db"
)

// Notes are small JSON files beside the content, for Reindex: one for each
// account and one for each mailbox in their folders, one for all domains and
// aliases in the data folder. They hold secrets (password hashes, signing keys)
// and are readable by their owner alone.
//
// A mailbox that has no mail has no folder either, most of an idle account's do
// not: it stands in its account's note until it has a note of its own.
const (
	directoryNoteName = "posthorn-directory.json"
	accountNoteName   = "posthorn-account.json"
	boxNoteName       = "posthorn-mailbox.json"
)

type directoryNote struct {
	Domains []Domain
	Keys    []DKIMKey
	Aliases []Alias
	Secrets map[string][]byte
}

type accountNote struct {
	Login       string
	Removed     bool // its files are on their way out
	Password    string
	SCRAM       SCRAM
	Apps        []AppPassword // their last use is not kept: it would be a new note with each
	Enabled     bool
	Limit       Quota
	Boxes       *int64 // nil in notes of before: DefaultBoxes
	Admin       bool
	Manners     Manners
	UIDValidity uint32
	Created     time.Time
	Subscribed  []string
	Mailboxes   []boxNote `json:",omitempty"` // that have no note of their own
}

// boxNote has ceilings where a number itself would mean a new note with each
// message: none above them had been given when it was written. Reindex goes on
// from there, so that no UID and no modification sequence is given twice (S4,
// S5).
type boxNote struct {
	ID          MailboxID
	Folder      string `json:",omitempty"` // in an account's note: where it would have its own
	Deleted     bool   // its files are on their way out
	Name        string
	Role        Role
	UIDValidity uint32
	UIDs        UID
	ModSeqs     ModSeq
	Keywords    []string
}

// ceilingStep is how far ceilings are apart. What is given within the seconds
// by which the mirror is late must fit into it.
const ceilingStep = 1 << 18

func ceiling(n int64) int64 { return (n/ceilingStep + 2) * ceilingStep }

func (s *Store) noteDirectory(ctx context.Context) error {
	var n directoryNote
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		if n.Domains, err = collect(tx, scanDomain, `SELECT `+domainColumns+` FROM domains ORDER BY name`); err != nil {
			return err
		}
		if n.Keys, err = readDKIMKeys(tx, ""); err != nil {
			return err
		}
		if n.Aliases, err = readAliases(tx, ""); err != nil {
			return err
		}
		n.Secrets, err = readSecrets(tx)
		return err
	})
	if err != nil {
		return fail("mirror domains", err)
	}
	return s.writeNote(Place{}, directoryNoteName, n)
}

// noteAccount comes after the mailboxes' own notes: until those are written the
// account's says what they would.
func (s *Store) noteAccount(ctx context.Context, a Account, boxes []mirrored) error {
	n := accountNote{Login: a.Login, Enabled: a.Enabled, Limit: a.Limit, Boxes: &a.Boxes, Admin: a.Admin, Manners: a.Manners, Created: a.Created}
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		if err = tx.Row(`SELECT uidvalidity FROM accounts WHERE id = ?`, a.ID).Scan(&n.UIDValidity); err != nil {
			return err
		}
		if err = n.readCredentials(tx, a.ID); err != nil {
			return err
		}
		n.Subscribed, err = collect(tx, func(row scanner) (name string, err error) {
			err = row.Scan(&name)
			return name, err
		}, `SELECT name FROM subscriptions WHERE account = ? ORDER BY name`, a.ID)
		return err
	})
	if err != nil {
		return err
	}
	for i := range boxes {
		if b := &boxes[i]; !b.noted && b.Name != "" {
			n.Mailboxes = append(n.Mailboxes, b.note())
			n.Mailboxes[len(n.Mailboxes)-1].Folder = b.folder
		}
	}
	due, err := s.newNote(Place{Dir: a.Dir}, accountNoteName, n)
	if due != nil {
		s.mirror.due = append(s.mirror.due, *due)
	}
	return err
}

func (n *accountNote) readCredentials(tx *db.Tx, id AccountID) error {
	var c Credentials
	if err := c.read(tx, id); err != nil {
		return err
	}
	for i := range c.Apps {
		c.Apps[i].Used, c.Apps[i].UsedFrom = time.Time{}, ""
	}
	n.Password, n.SCRAM, n.Apps = c.Password, c.SCRAM, c.Apps
	return nil
}

// noteRemoved keeps a removed account from being rebuilt while its files go.
func (s *Store) noteRemoved(ctx context.Context, id AccountID) error {
	var dir string
	err := s.db.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT dir FROM accounts WHERE id = ?`, id).Scan(&dir)
	})
	if errors.Is(err, db.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.writeNote(Place{Dir: dir}, accountNoteName, accountNote{Removed: true})
}

// noteBox writes a mailbox's own note, if it has mail or ever had such a note, or
// is deleted or shared, which a folder is to say for itself.
func (s *Store) noteBox(a Account, b *mirrored) error {
	at := Place{a.Dir, b.folder}
	if b.Name != "" && b.Messages == 0 && b.sharing == (sharingState{}) {
		if there, err := s.isNoted(at, boxNoteName); err != nil || !there {
			return err
		}
	}
	err := s.writeNote(at, boxNoteName, b.note())
	b.noted = err == nil
	return err
}

func (b *mirrored) note() boxNote {
	return boxNote{
		ID: b.ID, Deleted: b.Name == "", Name: b.Name, Role: b.Role, UIDValidity: b.UIDValidity, Keywords: b.Keywords,
		UIDs: UID(min(ceiling(int64(b.UIDNext)), 1<<32-1)), ModSeqs: ModSeq(ceiling(int64(b.ModSeq))),
	}
}

// isNoted tells whether there is a note.
func (s *Store) isNoted(p Place, name string) (bool, error) {
	if _, known := s.mirror.notes[noteKey(p, name)]; known {
		return true, nil
	}
	_, err := s.blobs.ReadNote(p, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// noteKey is where mirror.notes has a note.
func noteKey(p Place, name string) Place {
	p.Folder += "/" + name
	return p
}

// maxKnownNotes bounds the notes that are known to be on the disk without a look.
const maxKnownNotes = 1 << 14

// note is one that says something new.
type note struct {
	Place
	name string
	text []byte
}

// newNote is nil for a note that is on the disk as it is to be.
func (s *Store) newNote(p Place, name string, v any) (*note, error) {
	text, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return nil, err
	}
	n := &note{p, name, append(text, '\n')}
	if s.mirror.notes[noteKey(p, name)] == n.hash() {
		return nil, nil
	}
	if old, err := s.blobs.ReadNote(p, name); err != nil || !bytes.Equal(old, n.text) {
		return n, nil
	}
	s.written(n)
	return nil, nil
}

func (n *note) hash() uint64 {
	h := fnv.New64a()
	h.Write(n.text)
	return h.Sum64()
}

// written remembers what is on the disk.
func (s *Store) written(n *note) {
	if len(s.mirror.notes) >= maxKnownNotes {
		clear(s.mirror.notes)
	}
	s.mirror.notes[noteKey(n.Place, n.name)] = n.hash()
}

// writeNote writes a note when it says something new.
func (s *Store) writeNote(p Place, name string, v any) error {
	n, err := s.newNote(p, name, v)
	if err == nil && n != nil {
		if err = s.blobs.WriteNote(p, name, n.text); err == nil {
			s.written(n)
		}
	}
	return err
}

// writeDue writes the accounts' notes that are due, at the same time: each is a
// few syncs, and the disk joins those it is asked together.
func (s *Store) writeDue() error {
	due := s.mirror.due
	s.mirror.due = nil
	errs := make([]error, len(due))
	var all sync.WaitGroup
	for i, n := range due {
		all.Go(func() { errs[i] = s.blobs.WriteNote(n.Place, n.name, n.text) })
	}
	all.Wait()
	for i := range due {
		if errs[i] == nil {
			s.written(&due[i])
		}
	}
	return fail("mirror accounts", errors.Join(errs...))
}

// readNote reads a note; found is false when there is none, or none that can be
// read.
func readNote[T any](blobs Blobs, p Place, name string) (v T, found bool, err error) {
	text, err := blobs.ReadNote(p, name)
	if errors.Is(err, fs.ErrNotExist) {
		return v, false, nil
	}
	if err != nil {
		return v, false, err
	}
	if json.Unmarshal(text, &v) != nil {
		return *new(T), false, nil
	}
	return v, true, nil
}
