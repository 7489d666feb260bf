package store

import (
	"fmt"
	"strings"

	"posthorn/internal/db"
)

// readKeywords lists a mailbox's keywords by their bit.
func readKeywords(tx *db.Tx, box MailboxID) ([]string, error) {
	return collect(tx, func(row scanner) (name string, err error) {
		err = row.Scan(&name)
		return name, err
	}, `SELECT name FROM keywords WHERE mailbox = ? ORDER BY bit`, box)
}

// keywordBits gives the bits of keywords, without regard to case (RFC 9051
// §2.3.2). Those a mailbox does not have yet are made, or left out. A bit is
// never given away again: views and file names hold it. ErrLimit over
// MaxKeywords.
func keywordBits(tx *db.Tx, box MailboxID, names []string, create bool) (Flags, error) {
	have, err := readKeywords(tx, box)
	if err != nil {
		return 0, err
	}
	bits := make(map[string]int, len(have))
	for i, k := range have {
		bits[strings.ToLower(k)] = i
	}
	var f Flags
	for _, name := range names {
		folded := strings.ToLower(name)
		bit, ok := bits[folded]
		if !ok && !create {
			continue
		}
		if !ok {
			if bit = len(bits); bit == MaxKeywords {
				return 0, fmt.Errorf("keyword %q would be one more than %d: %w", name, MaxKeywords, ErrLimit)
			}
			_, err := tx.Exec(`INSERT INTO keywords (mailbox, bit, name, folded) VALUES (?, ?, ?, ?)`, box, bit, name, folded)
			if err != nil {
				return 0, err
			}
			bits[folded] = bit
		}
		f |= 1 << (KeywordBase + bit)
	}
	return f, nil
}
