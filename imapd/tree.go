package imapd

import (
	"context"
	"maps"
	"slices"
	"strings"

	"posthorn/store"
)

// tree is every name LIST may have to speak of: mailboxes, subscribed names
// without one, and the levels above either.
type tree struct{ entries []*entry } // by name

// entry is one name.
type entry struct {
	name       string
	exists     bool
	subscribed bool
	children   bool      // a mailbox exists below it
	box        store.Box // where it exists
	rights     store.Rights
	below      []*entry // everything below it
}

// tree reads the mailboxes that the account may know of, and its subscriptions.
func (s *session) tree(c *call) (*tree, error) {
	return readTree(c.ctx, s.srv.store, s.account)
}

func readTree(ctx context.Context, st *store.Store, account store.AccountID) (*tree, error) {
	all, err := st.Accessible(ctx, account)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(a store.Access) bool { return !a.Rights.Has(store.RightLookup) })
	for i := range all {
		if b := &all[i]; b.Account != account { // special uses and subscriptions are its owner's
			b.Name, b.Role, b.Subscribed = sharedName(b.Owner, b.Name), "", false
		}
	}
	subscriptions, err := st.Subscriptions(ctx, account)
	if err != nil {
		return nil, err
	}
	return newTree(all, subscriptions), nil
}

func newTree(all []store.Access, subscriptions []string) *tree {
	byName := map[string]*entry{}
	at := func(name string) *entry {
		if byName[name] == nil {
			byName[name] = &entry{name: name}
		}
		return byName[name]
	}
	for _, b := range all {
		e := at(b.Name)
		e.exists, e.box, e.rights, e.subscribed = true, b.Box, b.Rights, b.Subscribed
	}
	for _, name := range subscriptions {
		at(name).subscribed = true
	}
	for _, e := range slices.Collect(maps.Values(byName)) {
		for i := strings.LastIndex(e.name, separator); i > 0; i = strings.LastIndex(e.name[:i], separator) {
			parent := at(e.name[:i])
			parent.below = append(parent.below, e)
			parent.children = parent.children || e.exists
		}
	}
	t := &tree{entries: slices.Collect(maps.Values(byName))}
	slices.SortFunc(t.entries, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	return t
}
