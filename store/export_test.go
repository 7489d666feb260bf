package store

import (
	"context"
	"log/slog"
	"time"

	"posthorn/internal/db"
)

// Reflect mirrors everything there is to mirror, in place of the goroutine that
// does it otherwise.
func (s *Store) Reflect(ctx context.Context) error {
	s.background.halt()
	s.mirrorBacklog(ctx)
	return s.reflect(ctx)
}

// PurgeAt does what purge would do at a time.
func (s *Store) PurgeAt(ctx context.Context, now time.Time) error { return s.purgeAll(ctx, now) }

// Damage changes rows behind the store's back.
func (s *Store) Damage(ctx context.Context, query string, args ...any) error {
	return s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	})
}

// Number reads one number.
func (s *Store) Number(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error { return tx.Row(query, args...).Scan(&n) })
	return n, err
}

// Troubles gives what tells a log of the store's own work.
func Troubles(log *slog.Logger) func(task string, err error) { return newTroubles(log).outcome }

// Hurry makes the mirror follow at once.
func Hurry() { mirrorPause = time.Millisecond }

// DatabaseName is the database in the data folder.
const DatabaseName = databaseName

// MailboxOf is the inverse of FolderName.
func MailboxOf(folder string) string { return mailboxOf(folder) }
