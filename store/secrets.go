package store

import (
	"context"
	"crypto/rand"
	"errors"

	"posthorn/internal/db"
)

// secretLength is that of each secret, in octets.
const secretLength = 32

// Secret gives a random secret of this store by its name; it is made when it is
// asked for first.
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) {
	read := func(tx *db.Tx) (value []byte, err error) {
		err = tx.Row(`SELECT value FROM secrets WHERE name = ?`, name).Scan(&value)
		return value, err
	}
	var value []byte
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		value, err = read(tx)
		return err
	})
	if !errors.Is(err, db.ErrNoRows) {
		return value, fail("read secret "+name, err)
	}
	err = s.db.Commit(ctx, 0, func(tx *db.Tx) (err error) {
		if value, err = read(tx); !errors.Is(err, db.ErrNoRows) {
			return err // somebody was quicker
		}
		value = make([]byte, secretLength)
		rand.Read(value) // never fails (crypto/rand)
		return insertSecret(tx, name, value)
	})
	if err != nil {
		return nil, fail("make secret "+name, err)
	}
	s.mirror.directory()
	return value, nil
}

func insertSecret(tx *db.Tx, name string, value []byte) error {
	_, err := tx.Exec(`INSERT INTO secrets (name, value) VALUES (?, ?)`, name, value)
	return err
}

func readSecrets(tx *db.Tx) (map[string][]byte, error) {
	all := map[string][]byte{}
	_, err := collect(tx, func(row scanner) (none struct{}, err error) {
		var name string
		var value []byte
		err = row.Scan(&name, &value)
		all[name] = value
		return none, err
	}, `SELECT name, value FROM secrets`)
	return all, err
}
