package auth

import (
	"context"
	"errors"
	"fmt"

	"posthorn/mail"
	"posthorn/store"
)

// maxHops bounds how far aliases are followed.
const maxHops = 20

// Owns tells whether id may send as p: its own address, also with a subaddress
// or in a domain alias, and every address of ours whose mail comes to it, alone
// or with others.
func (a *Auth) Owns(ctx context.Context, id Identity, p mail.Path) (bool, error) {
	seen := map[mail.Path]bool{}
	next := []mail.Path{p}
	for hop := 0; hop < maxHops && len(next) > 0; hop++ {
		var further []mail.Path
		for _, p := range next {
			if p = p.Key(); seen[p] {
				continue
			}
			seen[p] = true
			addr, err := a.dir.Address(ctx, p)
			if errors.Is(err, store.ErrNotFound) {
				continue // another host's
			}
			if err != nil {
				return false, fmt.Errorf("look up %s: %w", p, err)
			}
			if addr.Account != nil && addr.Account.ID == id.Account {
				return true, nil
			}
			further = append(further, addr.Next(p)...)
		}
		next = further
	}
	return false, nil
}
