package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/text/unicode/norm"

	"posthorn/internal/db"
)

// maxName bounds a mailbox name, in octets.
const maxName = 1000

// mailboxName is a name in the form it is kept in: NFC, INBOX in capitals, also
// as a parent. ErrInvalid for one with an empty level, a control character or
// broken UTF-8 (RFC 9051 §5.1).
func mailboxName(name string) (string, error) {
	bad := func(r rune) bool {
		return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\ufffd' || r == '\u2028' || r == '\u2029'
	}
	if len(name) > maxName || strings.ContainsFunc(name, bad) {
		return "", fmt.Errorf("mailbox name %q: %w", name, ErrInvalid)
	}
	levels := strings.Split(norm.NFC.String(name), "/")
	for i, l := range levels {
		if l == "" || l == "." || l == ".." {
			return "", fmt.Errorf("mailbox name %q: %w", name, ErrInvalid)
		}
		if i == 0 && strings.EqualFold(l, "INBOX") {
			levels[0] = "INBOX"
		}
	}
	return strings.Join(levels, "/"), nil
}

// boxColumns are read by scanBox; m is the mailbox.
const boxColumns = `m.id, m.account, m.name, m.role, m.uidvalidity, m.uidnext, m.modseq, m.messages, m.unseen, m.deleted, m.size, m.acl, m.annotated,
	EXISTS (SELECT 1 FROM subscriptions s WHERE s.account = m.account AND s.name = m.name)`

func scanBox(row scanner) (b Box, err error) {
	err = row.Scan(boxFields(&b)...)
	return b, err
}

func boxFields(b *Box) []any {
	return []any{&b.ID, &b.Account, &b.Name, &b.Role, &b.UIDValidity, &b.UIDNext, &b.ModSeq, &b.Messages, &b.Unseen, &b.Deleted,
		&b.Size, &b.ACL, &b.Annotated, &b.Subscribed}
}

// Mailboxes lists an account's mailboxes by name. Keywords are left out.
func (s *Store) Mailboxes(ctx context.Context, a AccountID) ([]Box, error) {
	var all []Box
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = collect(tx, scanBox, `SELECT `+boxColumns+` FROM mailboxes m WHERE m.account = ? AND m.name IS NOT NULL ORDER BY m.name`, a)
		return err
	})
	return all, fail(fmt.Sprintf("list mailboxes of account %d", a), err)
}

// CreateMailbox makes a mailbox and the parents it lacks (RFC 9051 §6.3.4).
// ErrExists, also when another mailbox has the role; ErrInvalid; ErrOverQuota.
func (s *Store) CreateMailbox(ctx context.Context, a AccountID, name string, role Role) (Box, error) {
	name, err := mailboxName(name)
	if err == nil {
		err = notReserved(name)
	}
	if err != nil {
		return Box{}, fail("create mailbox", err)
	}
	var b Box
	err = s.alterHomes(ctx, a, func(tx *db.Tx) error {
		if _, err := readAccount(tx, a); err != nil {
			return err
		}
		if err := createParents(tx, a, name); err != nil {
			return err
		}
		b, err = createMailbox(tx, a, name, role, false)
		return err
	})
	if err != nil {
		return Box{}, fail("create mailbox "+name, err)
	}
	s.changed(a)
	return b, nil
}

// createParents makes the levels above a name that are not there.
func createParents(tx *db.Tx, a AccountID, name string) error {
	for i := range len(name) {
		if name[i] != '/' {
			continue
		}
		_, err := createMailbox(tx, a, name[:i], "", false)
		if err != nil && !errors.Is(err, db.ErrConflict) {
			return err
		}
	}
	return nil
}

// createMailbox enters a mailbox with a UIDVALIDITY no other of the account
// ever had (S4). name is in the form of mailboxName.
func createMailbox(tx *db.Tx, a AccountID, name string, role Role, subscribed bool) (Box, error) {
	var modseq ModSeq
	var validity int64
	err := tx.Row(`UPDATE accounts SET modseq = modseq + 1, uidvalidity = uidvalidity + 1 WHERE id = ? RETURNING modseq, uidvalidity`, a).Scan(&modseq, &validity)
	if err != nil {
		return Box{}, err
	}
	if err := boxRoom(tx, a); err != nil {
		return Box{}, err
	}
	folder, err := freeFolder(tx, a, name)
	if err != nil {
		return Box{}, err
	}
	var id MailboxID
	err = tx.Row(`INSERT INTO mailboxes (account, name, role, folder, uidvalidity, modseq) VALUES (?, ?, ?, ?, ?, ?) RETURNING id`,
		a, name, role, folder, validity, modseq).Scan(&id)
	if err != nil {
		return Box{}, err
	}
	if subscribed {
		if err := subscribe(tx, a, name); err != nil {
			return Box{}, err
		}
	}
	if err := inheritACL(tx, a, id, name); err != nil {
		return Box{}, err
	}
	return readBox(tx, id)
}

// boxRoom says whether an account may have one more mailbox.
func boxRoom(tx *db.Tx, a AccountID) error {
	var limit int64
	if err := tx.Row(`SELECT limit_mailboxes FROM accounts WHERE id = ?`, a).Scan(&limit); err != nil || limit == 0 {
		return err
	}
	n, err := countMailboxes(tx, a)
	if err == nil && n >= limit {
		err = fmt.Errorf("account %d has %d mailboxes: %w", a, n, ErrOverQuota)
	}
	return err
}

// freeFolder is the folder for a name. It may still be another's, one that was
// deleted or renamed and whose files have not been moved yet: then a tilde and a
// number make it new.
func freeFolder(tx *db.Tx, a AccountID, name string) (string, error) {
	folder := FolderName(name)
	for n := 2; ; n++ {
		var taken bool
		err := tx.Row(`SELECT EXISTS (SELECT 1 FROM mailboxes WHERE account = ? AND folder = ?)`, a, folder).Scan(&taken)
		if err != nil || !taken {
			return folder, err
		}
		folder = fmt.Sprintf("%s~%d", FolderName(name), n)
	}
}

// readBox reads a mailbox with its keywords; ErrNoRows when it was deleted.
func readBox(tx *db.Tx, id MailboxID) (Box, error) {
	b, err := scanBox(tx.Row(`SELECT `+boxColumns+` FROM mailboxes m WHERE m.id = ? AND m.name IS NOT NULL`, id))
	if err != nil {
		return Box{}, err
	}
	b.Keywords, err = readKeywords(tx, id)
	return b, err
}

// DeleteMailbox deletes a mailbox with its mail; its children stay, and so does
// its subscription (RFC 9051 §6.3.5). Its messages' rows and files go in small
// steps; the account's quota has its room back at once. INBOX is ErrInvalid.
func (s *Store) DeleteMailbox(ctx context.Context, a AccountID, name string) error {
	name, err := mailboxName(name)
	if err == nil && name == "INBOX" {
		err = fmt.Errorf("INBOX stays: %w", ErrInvalid)
	}
	if err != nil {
		return fail("delete mailbox", err)
	}
	err = s.alterHomes(ctx, a, func(tx *db.Tx) error {
		var id MailboxID
		var use Quota
		err := tx.Row(`SELECT id, size, messages FROM mailboxes WHERE account = ? AND name = ?`, a, name).Scan(&id, &use.Bytes, &use.Messages)
		if err != nil {
			return err
		}
		modseq, err := discharge(tx, a, use)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE mailboxes SET name = NULL, role = '', modseq = ? WHERE id = ?`, modseq, id)
		return err
	})
	if err != nil {
		return fail("delete mailbox "+name, err)
	}
	s.changed(a)
	s.purge.now()
	return nil
}

// discharge takes the account's next modification sequence and gives room back
// (S5, S7).
func discharge(tx *db.Tx, a AccountID, q Quota) (m ModSeq, err error) {
	err = tx.Row(`UPDATE accounts SET modseq = modseq + 1, used_bytes = used_bytes - ?, used_messages = used_messages - ? WHERE id = ? RETURNING modseq`,
		q.Bytes, q.Messages, a).Scan(&m)
	return m, err
}

// Subscribe enters a name into the account's subscriptions, or takes it out. A
// name may be subscribed without a mailbox (RFC 9051 §6.3.7).
func (s *Store) Subscribe(ctx context.Context, a AccountID, name string, on bool) error {
	name, err := mailboxName(name)
	if err != nil {
		return fail("subscribe", err)
	}
	err = s.db.Commit(ctx, int64(a), func(tx *db.Tx) error {
		if on {
			return subscribe(tx, a, name)
		}
		_, err := tx.Exec(`DELETE FROM subscriptions WHERE account = ? AND name = ?`, a, name)
		return err
	})
	if err == nil {
		s.changed(a)
	}
	return fail("subscribe to "+name, err)
}

func subscribe(tx *db.Tx, a AccountID, name string) error {
	_, err := tx.Exec(`INSERT INTO subscriptions (account, name) VALUES (?, ?) ON CONFLICT DO NOTHING`, a, name)
	return err
}

// Subscriptions lists what an account has subscribed to, by name.
func (s *Store) Subscriptions(ctx context.Context, a AccountID) ([]string, error) {
	var all []string
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = collect(tx, func(row scanner) (name string, err error) {
			err = row.Scan(&name)
			return name, err
		}, `SELECT name FROM subscriptions WHERE account = ? ORDER BY name`, a)
		return err
	})
	return all, fail(fmt.Sprintf("list subscriptions of account %d", a), err)
}
