package store

import (
	"context"
	"sync"

	"posthorn/internal/db"
)

// derivedFile is the derived file behind a gate. With many accounts it takes
// longer to prove that it belongs to this state of the database than a start may
// take. So that is done beside the start, with the database as it was opened, and
// whoever wants something of the file waits for it: some microseconds for each
// mailbox, once.
type derivedFile struct {
	*db.DB
	cancel context.CancelFunc // ends the proof early
	proved chan struct{}      // closed when it is over
	once   sync.Once
	err    error // why it failed: nothing is read or written then
}

func newDerivedFile(d *db.DB) *derivedFile {
	return &derivedFile{DB: d, cancel: func() {}, proved: make(chan struct{})}
}

// View and Commit are those of db.DB, after the proof.
func (d *derivedFile) View(ctx context.Context, fn func(*db.Tx) error) error {
	if err := d.wait(ctx); err != nil {
		return err
	}
	return d.DB.View(ctx, fn)
}

func (d *derivedFile) Commit(ctx context.Context, account int64, op func(*db.Tx) error) error {
	if err := d.wait(ctx); err != nil {
		return err
	}
	return d.DB.Commit(ctx, account, op)
}

func (d *derivedFile) wait(ctx context.Context) error {
	select {
	case <-d.proved:
		return d.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *derivedFile) over(err error) {
	d.once.Do(func() {
		d.err = err
		close(d.proved)
	})
}

func (d *derivedFile) close() error {
	d.cancel()
	<-d.proved
	return d.DB.Close()
}

// beginProof returns when the state of the database has been taken that the
// derived file is compared with: what is committed from then on is not in it.
func (s *Store) beginProof(ctx context.Context, opening int64) error {
	proving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.derived.cancel = cancel
	taken := make(chan struct{})
	go func() { // derivedFile.close ends it and waits
		defer cancel()
		err := s.prove(proving, opening, taken)
		if proving.Err() == nil {
			s.derivedOutcome("prove the index", err)
		}
		s.derived.over(err)
	}()
	select {
	case <-taken:
		return nil
	case <-s.derived.proved:
		return s.derived.err
	}
}

// prove drops what is known of UIDs that have not been given, and of mailboxes
// that there are none of: their numbers will be given again. Then the derived
// file gets the number of this opening. taken is closed when the state that
// counts is held.
func (s *Store) prove(ctx context.Context, opening int64, taken chan<- struct{}) error {
	var strange []MailboxID
	err := s.db.View(ctx, func(tx *db.Tx) error {
		var held int64
		if err := tx.Row(`SELECT count(*) FROM opening`).Scan(&held); err != nil { // a view begins with what is read first
			return err
		}
		close(taken)
		return s.eachMarks(ctx, func(block []boxMarks) error {
			found, err := ungiven(tx, block)
			strange = append(strange, found...)
			return err
		})
	})
	if err != nil {
		return err
	}
	return s.derived.DB.Commit(ctx, 0, func(tx *db.Tx) error {
		for _, box := range strange {
			if err := dropDerivedRows(tx, box); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(`DELETE FROM derived_of`); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO derived_of (version, opening) VALUES (?, ?)`, derivedVersion(), opening)
		return err
	})
}

// ungiven finds the mailboxes that have not given a UID that is known, and those
// that are not there. The block is in the order of ids.
func ungiven(tx *db.Tx, block []boxMarks) (strange []MailboxID, err error) {
	boxes, err := collect(tx, scanBoxNext, `SELECT id, uidnext FROM mailboxes WHERE id BETWEEN ? AND ? ORDER BY id`,
		block[0].box, block[len(block)-1].box)
	for _, m := range block {
		for len(boxes) > 0 && boxes[0].id < m.box {
			boxes = boxes[1:]
		}
		if len(boxes) == 0 || boxes[0].id > m.box || m.high >= boxes[0].next {
			strange = append(strange, m.box)
		}
	}
	return strange, err
}

type boxNext struct {
	id   MailboxID
	next UID
}

func scanBoxNext(row scanner) (b boxNext, err error) {
	err = row.Scan(&b.id, &b.next)
	return b, err
}
