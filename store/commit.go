package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"posthorn/internal/db"
)

// Commit makes c durable and visible, all or none, and wakes the watchers. It
// returns after the sync: content is on the disk before the rows are, or in the
// same commit (S1), and both before the answer (S2).
//
// A blob that a Commit took is no longer staged; one it did not take stays for
// another try or for Discard.
func (s *Store) Commit(ctx context.Context, c Change) (Result, error) {
	p := &prepared{Change: &c, store: s}
	err := p.prepare(ctx)
	if err == nil {
		err = s.commit(ctx, s.db.CommitAgain, p.account(), p, p.apply)
	} else {
		err = s.finish(p, err)
	}
	s.kept(err)
	if err != nil {
		return Result{}, err
	}
	return p.result, nil
}

// committing is the method of the database by which an operation is committed.
type committing func(context.Context, int64, db.Pending, func(*db.Tx) error) error

// commit runs op in a commit that makes p's content durable first, and ends what
// was prepared for it, whatever becomes of it.
func (s *Store) commit(ctx context.Context, through committing, account int64, p *prepared, op func(*db.Tx) error) error {
	s.mender.underWay.RLock()
	defer s.mender.underWay.RUnlock()
	return s.finish(p, through(ctx, account, p, func(tx *db.Tx) error {
		if err := enterUnfiled(tx, p.contents); err != nil {
			return err
		}
		return op(tx)
	}))
}

// prepared is a Change with its content in place.
type prepared struct {
	*Change
	store    *Store
	targets  []target // of Append
	spooled  []Key    // of Spool
	unsynced Unsynced
	contents []*unfiled          // that go into the database
	anew     []*Blob             // of a transfer: content of its own, where the source has no durable file to share
	named    map[*unfiled][]File // what that is to be called
	names    map[name]int        // how many a blob has been given
	ended    []Key               // of items that have ended without a file
	result   Result
}

// name is what must be one file's: a key in an account, or in the spool ("").
type name struct {
	dir string
	key Key
}

// target is where an Incoming goes.
type target struct {
	home
	key   Key
	flags Flags // as entered
}

// Octets bounds the batch.
func (p *prepared) Octets() int64 {
	n := p.unsynced.Octets()
	for _, u := range p.contents {
		n += u.size
	}
	return n
}

// NeedsSync tells whether some of the content is in files.
func (p *prepared) NeedsSync() bool { return len(p.unsynced.Staged)+len(p.unsynced.Files) > 0 }

func (p *prepared) account() int64 {
	if all := p.touched(); len(all) == 1 {
		return int64(all[0])
	}
	return 0
}

// prepare finds where everything goes and gives the content its names there.
// After an error the names it gave are taken back by finish.
func (p *prepared) prepare(ctx context.Context) error {
	if err := p.resolve(ctx); err != nil {
		return fail("commit", err)
	}
	for i := range p.Append {
		t := &p.targets[i]
		key, err := p.place(p.Append[i].Blob, Place{t.dir, t.folder})
		if err != nil {
			return err
		}
		t.key = key
	}
	for i := range p.Spool {
		key, err := p.place(p.Spool[i].Blob, Place{})
		if err != nil {
			return err
		}
		p.spooled = append(p.spooled, key)
	}
	p.store.filing.entering(p.contents)
	return nil
}

// resolve finds the folders.
func (p *prepared) resolve(ctx context.Context) error {
	p.targets = make([]target, len(p.Append))
	for i := range p.Append {
		in := &p.Append[i]
		h, err := p.store.directory.homes.get(ctx, p.store.db, in.home())
		if err != nil {
			return fmt.Errorf("mailbox %d %s of account %d: %w", in.Mailbox, in.Role, in.Account, err)
		}
		p.targets[i].home = h
	}
	return nil
}

// place gives a blob a name in a place. Within one account, and within the
// spool, a key is the name of one file: the second gets a key made from it.
func (p *prepared) place(b *Blob, at Place) (Key, error) {
	switch {
	case b == nil || b.staged == nil && b.unfiled == nil:
		return "", fmt.Errorf("commit: no content: %w", ErrInvalid)
	case b.unfiled != nil && !slices.Contains(p.contents, b.unfiled):
		p.contents = append(p.contents, b.unfiled)
	case b.staged != nil && !slices.Contains(p.unsynced.Staged, b.staged):
		p.unsynced.Staged = append(p.unsynced.Staged, b.staged)
	}
	f := File{Place: at, Key: b.Key, Size: b.Size}
	if p.names == nil {
		p.names = make(map[name]int)
	}
	p.names[name{at.Dir, b.Key}]++
	if n := p.names[name{at.Dir, b.Key}]; n > 1 {
		f.Key = sibling(b.Key, n)
	}
	if b.unfiled != nil {
		return f.Key, nil // the file comes later
	}
	if err := b.staged.Link(f); err != nil {
		return "", fmt.Errorf("commit: %w", err)
	}
	p.unsynced.Files = append(p.unsynced.Files, f)
	return f.Key, nil
}

// sibling makes the n-th key from one that is taken. Blobs.Unstage knows by it
// what belongs together.
func sibling(k Key, n int) Key { return Key(fmt.Sprintf("%s-%d", k, n)) }

// finish takes the staged names away after a commit, or takes back what prepare
// did after a failed one. Where nobody knows what is on the disk everything
// stays until the mender has reopened the database.
func (s *Store) finish(p *prepared, err error) error {
	switch {
	case err == nil:
		for _, st := range p.unsynced.Staged {
			st.Discard() // what is left of it goes at the next start
		}
		p.file(time.Now())
		s.changed(p.touched()...)
	case errors.Is(err, db.ErrBroken):
		p.eachBlob(func(b *Blob) { b.kept = true })
		s.mender.doubt(p)
	default:
		s.filing.withdraw(p.contents)
		for _, f := range p.unsynced.Files { // whether or not somebody waits
			if e := s.blobs.Remove(context.Background(), f); e != nil {
				err = errors.Join(err, e)
			}
		}
	}
	return fail("commit", err)
}

// file has the content that is in the database now filed.
func (p *prepared) file(now time.Time) {
	p.store.filing.ended(p.ended)
	for _, u := range p.contents {
		names := p.named[u]
		var item ItemID
		for i := range p.Append {
			if t := &p.targets[i]; p.Append[i].Blob.unfiled == u {
				names = append(names, File{Place{t.dir, t.folder}, t.key, u.size, FileInfo(p.result.Appended[i].UID, t.flags)})
			}
		}
		for i := range p.Spool {
			if p.Spool[i].Blob.unfiled != u {
				continue
			}
			names = append(names, File{Key: p.spooled[i], Size: u.size})
			if p.rests(i) {
				item = p.result.Items[i]
			}
		}
		p.store.filing.committed(u, names, item, now)
	}
}

// rests tells whether an item alone has its content, which then needs no file for
// a while.
func (p *prepared) rests(i int) bool {
	b := p.Spool[i].Blob
	uses := 0
	p.eachBlob(func(o *Blob) {
		if o == b {
			uses++
		}
	})
	return b.unfiled != nil && uses == 1
}

// restsAs is the id of content that rests in the database, 0 for other content.
func (p *prepared) restsAs(i int) int64 {
	if p.rests(i) {
		return p.Spool[i].Blob.unfiled.id
	}
	return 0
}

func (p *prepared) touched() (accounts []AccountID) {
	add := func(a AccountID) {
		if !slices.Contains(accounts, a) {
			accounts = append(accounts, a)
		}
	}
	for i := range p.Remove {
		add(p.Remove[i].Account)
	}
	for i := range p.Append {
		add(p.Append[i].Account)
	}
	return accounts
}

func (p *prepared) eachBlob(do func(*Blob)) {
	for i := range p.Append {
		if b := p.Append[i].Blob; b != nil {
			do(b)
		}
	}
	for i := range p.Spool {
		if b := p.Spool[i].Blob; b != nil {
			do(b)
		}
	}
	for _, b := range p.anew {
		do(b)
	}
}
