package pop3d

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"posthorn/auth"
	"posthorn/store"
)

// maildrop is INBOX as it was at login. Message n is messages[n-1], whatever
// happens to the mailbox meanwhile.
type maildrop struct {
	box      *store.Mailbox
	login    auth.Identity
	release  func()
	messages []store.Message
	deleted  []bool // by DELE; nothing happens to them before QUIT

	retrieved, removed int // for the log
}

// openMaildrop locks and reads it. Owner is for the lock's log.
func openMaildrop(ctx context.Context, st maildrops, id auth.Identity, owner string) (*maildrop, error) {
	release, err := st.LockMaildrop(ctx, id.Account, owner)
	if err != nil {
		return nil, fmt.Errorf("open maildrop: %w", err)
	}
	d := &maildrop{login: id, release: release}
	if err := d.read(ctx, st, id.Account); err != nil {
		release()
		return nil, fmt.Errorf("open maildrop: %w", err)
	}
	return d, nil
}

func (d *maildrop) read(ctx context.Context, st maildrops, account store.AccountID) (err error) {
	if d.box, err = st.Mailbox(ctx, account, "INBOX"); err != nil {
		return err
	}
	d.messages, err = d.box.All(ctx)
	d.deleted = make([]bool, len(d.messages))
	return err
}

// stat counts the messages not deleted and their octets.
func (d *maildrop) stat() (n int, size int64) {
	for i, m := range d.messages {
		if !d.deleted[i] {
			n++
			size += octets(m)
		}
	}
	return n, size
}

// octets is how many RETR sends, without its byte-stuffing (RFC 1939 §11): a last
// line without CRLF gets one.
func octets(m store.Message) int64 {
	if m.Unended {
		return m.Size + int64(len("\r\n"))
	}
	return m.Size
}

// number reads a message number and gives the index of a message that is not
// deleted.
func (d *maildrop) number(arg string) (int, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(arg), 10, 31)
	if err != nil {
		return 0, refusal("That is not a message number")
	}
	if n < 1 || n > uint64(len(d.messages)) {
		return 0, refusal(fmt.Sprintf("There are %d messages", len(d.messages)))
	}
	if d.deleted[n-1] {
		return 0, refusal("The message is deleted")
	}
	return int(n - 1), nil
}

// update removes what was deleted (RFC 1939 §6).
func (d *maildrop) update(ctx context.Context) error {
	var uids []store.UID
	for i, m := range d.messages {
		if d.deleted[i] {
			uids = append(uids, m.UID)
		}
	}
	if len(uids) == 0 { // Expunge would take none for all
		return nil
	}
	gone, err := d.box.Expunge(ctx, uids, true)
	d.removed = len(gone)
	return err
}
