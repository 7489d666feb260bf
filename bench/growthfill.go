package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"posthorn/auth"
	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/maildir"
)

// growthSize says how large a store is.
type growthSize struct {
	accounts int
	box      int // messages in the mailbox growthBox of the first account
	all      int // messages in all: the others are spread over the INBOXes
}

const (
	growthBox = "Rows"

	growthWriters = 32
	growthAppend  = 250 // messages of one commit to the large mailbox
)

func growthLogin(i int) string { return fmt.Sprintf("someone%06d@%s", i, domain) }

// fill makes a store of a size through the store's own API, as if accounts and
// mail had come one after the other: the mail of a commit is one inode with many
// names. The domain is there.
func (g growthSize) fill(dir string) error {
	ctx := context.Background()
	st, err := store.Open(ctx, dir, maildir.New(dir), store.Options{})
	if err != nil {
		return err
	}
	err = g.fillStore(ctx, st)
	return errors.Join(err, st.Close())
}

func (g growthSize) fillStore(ctx context.Context, st *store.Store) error {
	hash, err := auth.Hash(password)
	if err != nil {
		return err
	}
	ids := make([]store.AccountID, g.accounts)
	err = growthSpread(g.accounts, func(i int) error {
		a, err := st.AddAccount(ctx, growthLogin(i), hash, store.Quota{})
		ids[i] = a.ID
		return err
	})
	if err != nil {
		return err
	}
	if g.box > 0 {
		if err := g.fillBox(ctx, st, ids[0]); err != nil {
			return err
		}
	}
	rest := max(0, g.all-g.box)
	return growthSpread(len(ids), func(i int) error {
		n := rest / len(ids)
		if i < rest%len(ids) {
			n++
		}
		return appendMany(ctx, st, store.Incoming{Account: ids[i], Role: store.RoleInbox}, i, n)
	})
}

// fillBox fills one large mailbox.
func (g growthSize) fillBox(ctx context.Context, st *store.Store, a store.AccountID) error {
	box, err := st.CreateMailbox(ctx, a, growthBox, "")
	if err != nil {
		return err
	}
	for n := 0; n < g.box; n += growthAppend {
		in := store.Incoming{Account: a, Mailbox: box.ID}
		if err := appendMany(ctx, st, in, n/growthAppend, min(growthAppend, g.box-n)); err != nil {
			return err
		}
	}
	return nil
}

// appendMany commits n messages of the same content.
func appendMany(ctx context.Context, st *store.Store, in store.Incoming, i, n int) (err error) {
	if n == 0 {
		return nil
	}
	in.Overdraw = true
	in.Internal = smallOnes.date(i % smallOnes.n)
	if in.Blob, err = st.Put(ctx, &mail.Mail{Content: mail.Bytes(smallOnes.message(i % smallOnes.n))}); err != nil {
		return err
	}
	c := store.Change{Append: make([]store.Incoming, n)}
	for k := range c.Append {
		c.Append[k] = in
	}
	_, err = st.Commit(ctx, c)
	return err
}

// growthSpread does something with 0 to n-1, several at a time.
func growthSpread(n int, do func(i int) error) error {
	errs := make([]error, growthWriters)
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			for errs[w] == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				errs[w] = do(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
