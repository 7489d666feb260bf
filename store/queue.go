package store

import (
	"context"
	"fmt"
	"time"

	"posthorn/internal/db"
	"posthorn/mail"
)

const itemColumns = `id, queue_id, key, size, from_local, from_domain, envid, ret, body, utf8, require_tls,
	login, proven, peer, protocol, forwarder, message_id, arrived, expires`

func scanItem(row scanner) (Item, error) {
	var it Item
	var arrived, expires int64
	var forwarder string
	e, o := &it.Envelope, &it.Origin
	err := row.Scan(&it.ID, &it.QueueID, &it.Key, &it.Size, &e.From.Local, &e.From.Domain, &e.ID, &e.Return, &e.Body, &e.UTF8, &e.RequireTLS,
		&o.Login, &o.Proven, &o.Peer, &o.Protocol, &forwarder, &it.MessageID, &arrived, &expires)
	if err == nil {
		o.Forwarder, err = mail.ParsePath(forwarder)
	}
	it.Arrived, it.Expires = time.Unix(0, arrived), time.Unix(0, expires)
	return it, err
}

const deliveryColumns = `id, item, local, domain, orcpt, notify, destination, priority, state, report, held, hold, delayed, attempts, due, updated,
	reply_name, reply_code, reply_x, reply_text, mta, tried`

func scanDelivery(row scanner) (Delivery, error) {
	var d Delivery
	var due, updated, tried int64
	var x string
	r := &d.Status.Reply
	err := row.Scan(&d.ID, &d.Item, &d.Recipient.Path.Local, &d.Recipient.Path.Domain, &d.Recipient.ORCPT, &d.Recipient.Notify,
		&d.Destination, &d.Priority, &d.State, &d.Report, &d.Held, &d.Hold, &d.Delayed, &d.Attempts, &due, &updated,
		&r.Name, &r.Code, &x, &r.Text, &d.Status.MTA, &tried)
	d.Due, d.Updated, r.X = time.Unix(0, due), time.Unix(0, updated), parseX(x)
	if tried != 0 {
		d.Tried = time.Unix(0, tried)
	}
	return d, err
}

// Item is one queue item. ErrNotFound also when it has ended.
func (s *Store) Item(ctx context.Context, id ItemID) (Item, error) {
	var it Item
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		it, err = scanItem(tx.Row(`SELECT `+itemColumns+` FROM items WHERE id = ?`, id))
		return err
	})
	return it, fail(fmt.Sprintf("read item %d", id), err)
}

// ItemByQueueID is Item by the name people know it by, in any case.
func (s *Store) ItemByQueueID(ctx context.Context, queueID string) (Item, error) {
	var it Item
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		it, err = scanItem(tx.Row(`SELECT `+itemColumns+` FROM items WHERE lower(queue_id) = lower(?)`, queueID))
		return err
	})
	return it, fail("read item "+mail.Clean(queueID), err)
}

// OpenItem opens an item's content: ErrCorrupt when it is missing or cut.
func (s *Store) OpenItem(ctx context.Context, it Item) (Reader, error) {
	r, err := s.openContent(ctx, File{Key: it.Key, Size: it.Size})
	return r, fail("open item "+it.QueueID, err)
}

// Deliveries lists an item's deliveries in the order of its recipients.
func (s *Store) Deliveries(ctx context.Context, id ItemID) ([]Delivery, error) {
	var all []Delivery
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = collect(tx, scanDelivery, `SELECT `+deliveryColumns+` FROM deliveries WHERE item = ? ORDER BY id`, id)
		return err
	})
	return all, fail(fmt.Sprintf("read deliveries of item %d", id), err)
}

// Items lists items in the order of their ids, from the one above after, at
// most limit. An item that nothing is left to do for has ended and is not there.
func (s *Store) Items(ctx context.Context, after ItemID, limit int) ([]Item, error) {
	var all []Item
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = collect(tx, scanItem, `SELECT `+itemColumns+` FROM items WHERE id > ? ORDER BY id LIMIT ?`, after, limit)
		return err
	})
	return all, fail("list items", err)
}

// Hold keeps waiting deliveries from being tried, or lets them go on.
// ErrNotFound, and nothing is changed, when one of them no longer waits.
func (s *Store) Hold(ctx context.Context, ids []DeliveryID, held bool) error {
	return s.eachWaiting(ctx, "hold", ids, func(tx *db.Tx, id DeliveryID) (int64, error) {
		return tx.Exec(`UPDATE deliveries SET held = ?, updated = ? WHERE id = ? AND state = 'waiting'`,
			held, time.Now().UnixNano(), id)
	})
}

// Retry gives waiting deliveries a new time; one that is claimed keeps its
// claim and is tried when that ends without an outcome. ErrNotFound, and
// nothing is changed, when one of them no longer waits.
func (s *Store) Retry(ctx context.Context, ids []DeliveryID, due time.Time) error {
	return s.eachWaiting(ctx, "retry", ids, func(tx *db.Tx, id DeliveryID) (int64, error) {
		return tx.Exec(`UPDATE deliveries SET due = ?1, ready = CASE WHEN claimed_until > ?1 THEN claimed_until ELSE ?1 END
			WHERE id = ?2 AND state = 'waiting'`, due.UnixNano(), id)
	})
}

func (s *Store) eachWaiting(ctx context.Context, doing string, ids []DeliveryID, update func(*db.Tx, DeliveryID) (int64, error)) error {
	err := s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		for _, id := range ids {
			if err := one(update(tx, id)); err != nil {
				return fail(fmt.Sprintf("delivery %d", id), err)
			}
		}
		return nil
	})
	return fail(doing, err)
}
