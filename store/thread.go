package store

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"

	"posthorn/internal/db"
)

// threadReferences is how many of the newest references join a message to a
// thread; those before them were references of these.
const threadReferences = 10

// thread finds the thread a message belongs to, or makes it one of its own,
// named after the message (RFC 8474 §5.2, RFC 8621 §3): messages are of one
// thread when one has the other's Message-ID, or both have a third one's, among
// its own and its references, and their base subjects are the same. It is fixed
// here: a message that would have joined two threads joins neither to the other.
func thread(tx *db.Tx, account AccountID, b *Blob, email EmailID) (ThreadID, error) {
	hashes := make([]int64, 0, threadReferences+1)
	if b.MessageID != "" {
		hashes = append(hashes, hash(b.MessageID))
	}
	refs := b.References
	for i := len(refs) - 1; i >= 0 && i >= len(refs)-threadReferences; i-- {
		hashes = append(hashes, hash(refs[i]))
	}
	subject := hash(strings.ToLower(b.Subject))
	t := ThreadID(email)
	for _, h := range hashes {
		err := tx.Row(`SELECT thread FROM thread_ids WHERE account = ? AND hash = ? AND subject = ?`, account, h, subject).Scan(&t)
		if err == nil {
			break
		}
		if !errors.Is(err, db.ErrNoRows) {
			return 0, err
		}
	}
	for _, h := range hashes {
		_, err := tx.Exec(`INSERT INTO thread_ids (account, hash, subject, thread) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, account, h, subject, t)
		if err != nil {
			return 0, err
		}
	}
	return t, nil
}

// hash is 64 bits of SHA-256: nobody can make two ids meet on purpose.
func hash(s string) int64 {
	sum := sha256.Sum256([]byte(s))
	return int64(binary.BigEndian.Uint64(sum[:]))
}
