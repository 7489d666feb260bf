package store

import (
	"time"

	"posthorn/internal/db"
)

// How a Change becomes rows. Commit has put content in place and had it synced;
// what follows runs inside the writer's transaction, in this order, and any
// error undoes the whole Change:
//
//	removeAll   each Remove                                    (expunge.go)
//	appendAll   Append, accounts in the order of their ids     (append.go)
//	spool       each Spool, its content linked into the spool  (spool.go)
//	settle      each Settle                                    (spool.go)
//	setHold     each Hold, then endHold each Unhold            (holds.go)
//	record      each Event                                     (events.go)
//	count       each of Tried                                  (rates.go)
//	countTaken   each of Taken                                  (sending.go)
//	enterNotice each of Notices                                (notices.go)
//
// Functions named here take the transaction, do no I/O of their own, wake nobody
// and return the kinds of errors of store.go, wrapped once. What is left of an
// earlier run that was undone counts for nothing.
func (c *prepared) apply(tx *db.Tx) error {
	now := time.Now()
	c.result, c.ended = Result{}, nil
	if err := c.removeAll(tx, now); err != nil {
		return err
	}
	if err := c.appendAll(tx, now); err != nil {
		return err
	}
	for i := range c.Spool {
		id, err := spool(tx, c.spooled[i], c.restsAs(i), &c.Spool[i], now)
		if err != nil {
			return err
		}
		c.result.Items = append(c.result.Items, id)
	}
	for i := range c.Settle {
		ended, err := settle(tx, &c.Settle[i], now)
		if err != nil {
			return err
		}
		c.ended = append(c.ended, ended...)
	}
	for i := range c.Hold {
		if err := setHold(tx, &c.Hold[i], now); err != nil {
			return err
		}
	}
	for _, id := range c.Unhold {
		if err := endHold(tx, id); err != nil {
			return err
		}
	}
	var first ItemID
	if len(c.result.Items) > 0 {
		first = c.result.Items[0]
	}
	for i := range c.Events {
		if err := record(tx, &c.Events[i], first, now); err != nil {
			return err
		}
	}
	for i := range c.Tried {
		if err := count(tx, &c.Tried[i], now); err != nil {
			return err
		}
	}
	for _, s := range c.Taken {
		if err := countTaken(tx, s, now); err != nil {
			return err
		}
	}
	for _, n := range c.Notices {
		if err := enterNotice(tx, n, now); err != nil {
			return err
		}
	}
	return nil
}
