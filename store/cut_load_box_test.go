package store_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"posthorn/store"
)

// What workers do in mailboxes.

// any is one of the worker's messages, nil when it has none.
func (w *worker) any() *copyOf {
	if len(w.messages) == 0 {
		return nil
	}
	return w.messages[w.rng.IntN(len(w.messages))]
}

// open opens the mailbox of a message.
func (w *worker) open(c *copyOf) (*store.Mailbox, error) {
	return w.Mailbox(w.ctx, w.accounts[c.account].ID, c.box)
}

// carry copies or moves a message to another mailbox, perhaps of another account.
func (w *worker) carry(move bool) error {
	c := w.any()
	if c == nil {
		return w.deliver()
	}
	to := *c
	to.account, to.box = w.rng.IntN(len(w.accounts)), shared[w.rng.IntN(len(shared))]
	if !move && w.rng.IntN(2) == 0 || w.has[w.name(&to)] != "" {
		return w.flag()
	}
	after := maps.Clone(w.has)
	after[w.name(&to)] = to.value()
	if move {
		delete(after, w.name(c))
	}
	return w.step(after, func() error {
		m, err := w.open(c)
		if err != nil {
			return err
		}
		target, err := w.open(&to)
		if err != nil {
			return err
		}
		b, err := target.Box(w.ctx)
		if err != nil {
			return err
		}
		do := m.Copy
		if move {
			do = m.Move
		}
		r, err := do(w.ctx, []store.UID{c.uid}, b.ID, store.AllFlags)
		if err != nil {
			return err
		}
		if len(r.To) != 1 {
			return fmt.Errorf("carried %+v, not UID %d of %s", r, c.uid, w.name(c))
		}
		to.uid = r.To[0]
		w.given(&to, b.ID)
		if move {
			w.messages = slices.DeleteFunc(w.messages, func(o *copyOf) bool { return o == c })
		}
		w.messages = append(w.messages, &to)
		return nil
	})
}

func (w *worker) copy() error { return w.carry(false) }
func (w *worker) move() error { return w.carry(true) }

func (w *worker) flag() error {
	c := w.any()
	if c == nil {
		return w.deliver()
	}
	to := *c
	to.flags, to.keyword = store.Flags(w.rng.IntN(32))&^store.FlagDeleted, []string{"", "k", "l-3"}[w.rng.IntN(3)]
	after := maps.Clone(w.has)
	after[w.name(c)] = to.value()
	return w.step(after, func() error {
		m, err := w.open(c)
		if err != nil {
			return err
		}
		var keywords []string
		if to.keyword != "" {
			keywords = []string{to.keyword}
		}
		changed, _, err := m.SetFlags(w.ctx, []store.UID{c.uid}, store.FlagsSet, to.flags, keywords, -1)
		if err != nil {
			return err
		}
		b, err := m.Box(w.ctx)
		if err != nil {
			return err
		}
		for _, r := range changed {
			w.told.ModSeq[b.ID] = r.ModSeq
		}
		*c = to
		return nil
	})
}

func (w *worker) expunge() error {
	c := w.any()
	if c == nil {
		return w.deliver()
	}
	after := maps.Clone(w.has)
	delete(after, w.name(c))
	return w.step(after, func() error {
		m, err := w.open(c)
		if err != nil {
			return err
		}
		gone, err := m.Expunge(w.ctx, []store.UID{c.uid}, true)
		if err != nil {
			return err
		}
		if len(gone) != 1 {
			return fmt.Errorf("expunged %v, not UID %d of %s", gone, c.uid, w.name(c))
		}
		w.messages = slices.DeleteFunc(w.messages, func(o *copyOf) bool { return o == c })
		return nil
	})
}

// create makes a mailbox, and then puts a message into it.
func (w *worker) create() error {
	b := &box{w.rng.IntN(len(w.accounts)), w.token() + " made"}
	after := maps.Clone(w.has)
	after["b "+w.accounts[b.account].Login+" "+b.name] = ""
	err := w.step(after, func() error {
		_, err := w.CreateMailbox(w.ctx, w.accounts[b.account].ID, b.name, "")
		return err
	})
	if err != nil {
		return err
	}
	w.boxes = append(w.boxes, b)
	return w.append(500, &copyOf{token: w.token(), account: b.account, box: b.name})
}

// inBox is the worker's world with a mailbox renamed, or without it.
func (w *worker) inBox(b *box, to string) world {
	after := make(world)
	login := w.accounts[b.account].Login
	for name, v := range w.has {
		rest, message := strings.CutPrefix(name, "m "+login+" "+b.name+" ")
		switch {
		case name == "b "+login+" "+b.name && to != "":
			after["b "+login+" "+to] = v
		case message && to != "":
			after["m "+login+" "+to+" "+rest] = v
		case name != "b "+login+" "+b.name && !message:
			after[name] = v
		}
	}
	return after
}

func (w *worker) rename() error {
	if len(w.boxes) == 0 {
		return w.create()
	}
	b := w.boxes[w.rng.IntN(len(w.boxes))]
	to := w.token() + " renamed"
	return w.step(w.inBox(b, to), func() error {
		if err := w.RenameMailbox(w.ctx, w.accounts[b.account].ID, b.name, to); err != nil {
			return err
		}
		for _, c := range w.messages {
			if c.account == b.account && c.box == b.name {
				c.box = to
			}
		}
		b.name = to
		return nil
	})
}

func (w *worker) delete() error {
	if len(w.boxes) == 0 {
		return w.create()
	}
	i := w.rng.IntN(len(w.boxes))
	b := w.boxes[i]
	return w.step(w.inBox(b, ""), func() error {
		if err := w.DeleteMailbox(w.ctx, w.accounts[b.account].ID, b.name); err != nil {
			return err
		}
		w.messages = slices.DeleteFunc(w.messages, func(c *copyOf) bool { return c.account == b.account && c.box == b.name })
		w.boxes = slices.Delete(w.boxes, i, i+1)
		return nil
	})
}
