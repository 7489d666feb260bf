package store

import (
	"errors"
	"fmt"
	"time"

	"posthorn/internal/db"
	"posthorn/mail"
)

// This file is where the queue's rows change inside a Commit: an item begins
// (spool), an outcome is entered (settle). Everything else about them is in
// queue.go.
//
// An item ends in the commit that leaves none of its deliveries waiting and no
// report due: its rows go, and its blob gets a removal row. Its events stay.

// spool enters a new item whose content the caller has linked into the spool
// under key, or put into the database: unfiled is the id of content that is
// nobody else's, else 0.
func spool(tx *db.Tx, key Key, unfiled int64, n *Spooled, now time.Time) (ItemID, error) {
	if len(n.Deliveries) == 0 {
		return 0, fmt.Errorf("spool %s: no delivery: %w", n.QueueID, ErrInvalid)
	}
	e, o := &n.Envelope, &n.Origin
	var id ItemID
	err := tx.Row(`INSERT INTO items (queue_id, key, size, from_local, from_domain, envid, ret, body, utf8, require_tls,
			login, proven, peer, protocol, forwarder, message_id, arrived, expires, unfiled)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		n.QueueID, key, n.Blob.Size, e.From.Local, e.From.Domain, e.ID, int(e.Return), int(e.Body), e.UTF8, e.RequireTLS,
		o.Login, o.Proven, o.Peer, o.Protocol, o.Forwarder.String(), n.MessageID, now.UnixNano(), n.Expires.UnixNano(), unfiled).Scan(&id)
	if err != nil {
		return 0, fail("spool "+n.QueueID, err)
	}
	for i := range n.Deliveries {
		if err := enterDelivery(tx, id, n.Priority, &n.Deliveries[i], now); err != nil {
			return 0, fail("spool "+n.QueueID, err)
		}
	}
	return id, nil
}

func enterDelivery(tx *db.Tx, item ItemID, p Priority, d *NewDelivery, now time.Time) error {
	due := d.Due
	if due.IsZero() {
		due = now
	}
	r, st := &d.Recipient, &d.Status
	_, err := tx.Exec(`INSERT INTO deliveries (item, local, domain, orcpt, notify, destination, priority, state, report, held, due, ready, updated,
			reply_name, reply_code, reply_x, reply_text, mta)
		VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', 'none', ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		item, r.Path.Local, r.Path.Domain, r.ORCPT, int(r.Notify), d.Destination, int64(p), d.Held, due.UnixNano(), due.UnixNano(), now.UnixNano(),
		st.Reply.Name, st.Reply.Code, st.Reply.X.String(), st.Reply.Text, st.MTA)
	return err
}

// settle enters one outcome. A waiting delivery takes all of it and loses its
// claim; one that is over and owes a report takes only Report. Any other is
// ErrNotFound: somebody else settled it. ended is the key of an item that has
// ended with this one, and had no file.
func settle(tx *db.Tx, st *Settlement, now time.Time) (ended []Key, err error) {
	if err := st.valid(); err != nil {
		return nil, err
	}
	item, err := settleWaiting(tx, st, now)
	if errors.Is(err, db.ErrNoRows) {
		item, err = settleReport(tx, st, now)
	}
	if err == nil && st.State != Waiting && st.Report != ReportDue {
		ended, err = endItem(tx, item, now)
	}
	return ended, fail(fmt.Sprintf("settle delivery %d", st.Delivery), err)
}

// valid refuses what no row of the state table has.
func (st *Settlement) valid() error {
	switch {
	case st.State == Waiting && st.Due.IsZero():
		return fmt.Errorf("settle delivery %d: waiting for no time: %w", st.Delivery, ErrInvalid)
	case st.State == Waiting && st.report() != ReportNone:
		return fmt.Errorf("settle delivery %d: a report on a delivery that waits: %w", st.Delivery, ErrInvalid)
	case st.State != Waiting && st.State != Done && st.State != Failed:
		return fmt.Errorf("settle delivery %d: state %q: %w", st.Delivery, st.State, ErrInvalid)
	}
	return nil
}

func (st *Settlement) report() ReportState {
	if st.Report == "" {
		return ReportNone
	}
	return st.Report
}

func settleWaiting(tx *db.Tx, st *Settlement, now time.Time) (item ItemID, err error) {
	due := st.Due
	if due.IsZero() {
		due = now
	}
	r := &st.Status.Reply
	err = tx.Row(`UPDATE deliveries SET state = ?, report = ?, due = ?, ready = ?, claimed_by = '', claimed_until = 0,
			held = CASE WHEN hold <> 0 THEN 0 ELSE held END, hold = 0,
			attempts = attempts + ?, tried = CASE WHEN tried = 0 AND ? THEN ? ELSE tried END,
			delayed = CASE WHEN ? THEN 1 ELSE delayed END, updated = ?,
			reply_name = ?, reply_code = ?, reply_x = ?, reply_text = ?, mta = ?
		WHERE id = ? AND state = 'waiting' RETURNING item`,
		string(st.State), string(st.report()), due.UnixNano(), due.UnixNano(), number(st.Attempt), st.Attempt, now.UnixNano(), st.Delayed, now.UnixNano(),
		r.Name, r.Code, r.X.String(), r.Text, st.Status.MTA, st.Delivery).Scan(&item)
	return item, err
}

func settleReport(tx *db.Tx, st *Settlement, now time.Time) (item ItemID, err error) {
	err = tx.Row(`UPDATE deliveries SET report = ?, updated = ? WHERE id = ? AND state = ? AND report = 'due' RETURNING item`,
		string(st.report()), now.UnixNano(), st.Delivery, string(st.State)).Scan(&item)
	return item, err
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// endItem removes an item that nothing is left to do for, and its content: a file
// by its removal row (S8); what has no file at once, with its key in ended.
func endItem(tx *db.Tx, id ItemID, now time.Time) (ended []Key, err error) {
	// From the end, for they are settled from the beginning.
	var left DeliveryID
	err = tx.Row(`SELECT id FROM deliveries WHERE item = ? AND (state = 'waiting' OR report = 'due') ORDER BY id DESC LIMIT 1`, id).Scan(&left)
	if !errors.Is(err, db.ErrNoRows) {
		return nil, err
	}
	var key Key
	var size, unfiled int64
	if err := tx.Row(`SELECT key, size, unfiled FROM items WHERE id = ?`, id).Scan(&key, &size, &unfiled); err != nil {
		return nil, err
	}
	if unfiled == 0 {
		err = removeSpooled(tx, key, size, now)
	} else {
		ended = []Key{key}
		_, err = tx.Exec(`DELETE FROM unfiled WHERE id = ?`, unfiled)
	}
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(`DELETE FROM deliveries WHERE item = ?`, id); err != nil {
		return nil, err
	}
	_, err = tx.Exec(`DELETE FROM items WHERE id = ?`, id)
	return ended, err
}

// parseX reads what mail.EnhancedCode.String wrote.
func parseX(s string) (x mail.EnhancedCode) {
	if s != "" {
		fmt.Sscanf(s, "%d.%d.%d", &x[0], &x[1], &x[2])
	}
	return x
}
