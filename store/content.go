package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"posthorn/internal/db"
)

// openContent opens content: its file, or what is kept while there is none.
func (s *Store) openContent(ctx context.Context, f File) (Reader, error) {
	r, err := s.openUnfiled(ctx, f, s.filing.unwritten)
	if r != nil || err != nil {
		return r, err
	}
	r, fileErr := s.blobs.Open(ctx, f)
	if errors.Is(fileErr, ErrCorrupt) {
		// The row is as good as a file that was not synced yet.
		if r, err := s.openUnfiled(ctx, f, func(Key) bool { return true }); r != nil || err != nil {
			return r, err
		}
	}
	return r, fileErr
}

// openUnfiled opens content in memory or in its row; nil, nil when it is there no
// more, or is not wanted from there.
func (s *Store) openUnfiled(ctx context.Context, f File, wanted func(Key) bool) (Reader, error) {
	u := s.filing.of(f.Key)
	if u == nil || !wanted(f.Key) {
		return nil, nil
	}
	body, err := s.body(ctx, u)
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil // it has been filed meanwhile
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.Key, err)
	}
	if int64(len(body)) != f.Size {
		return nil, fmt.Errorf("open %s: the database has %d octets of it, not %d: %w", f.Key, len(body), f.Size, ErrCorrupt)
	}
	return inMemory{bytes.NewReader(body)}, nil
}

// body gives unfiled content; db.ErrNoRows when it is gone.
func (s *Store) body(ctx context.Context, u *unfiled) (body []byte, err error) {
	s.filing.mu.Lock()
	body = u.body
	s.filing.mu.Unlock()
	if body != nil {
		return body, nil
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT content FROM unfiled WHERE id = ?`, u.id).Scan(&body)
	})
	return body, err
}

// inMemory is content that nobody changes.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }
