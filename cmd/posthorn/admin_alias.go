package main

import (
	"context"

	"posthorn/store"
)

var (
	aliasAdd    = verb[aliasFacts, aliasFacts]{"alias/add", (*admin).addAlias}
	aliasList   = verb[string, []aliasFacts]{"alias/list", (*admin).aliases}
	aliasRemove = verb[string, none]{"alias/remove", (*admin).removeAlias}
)

// aliasFacts is an alias as the verbs take and show it.
type aliasFacts struct {
	Address string   `json:"address"`
	Targets []string `json:"targets"`
}

func (a *admin) addAlias(ctx context.Context, in aliasFacts) (out aliasFacts, err error) {
	p, err := parseAddress(in.Address)
	if err != nil {
		return out, err
	}
	if _, err := a.store.Domain(ctx, p.Domain); err != nil {
		return out, about("domain "+p.Domain+" here: add it first", err)
	}
	out.Address = p.String()
	for _, t := range in.Targets {
		// Another host's local parts are its own (RFC 5321 §2.4): a target
		// keeps its letters as they are.
		if _, err := parseAddress(t); err != nil {
			return out, err
		}
		out.Targets = append(out.Targets, t)
	}
	return out, about("alias "+out.Address, a.store.SetAlias(ctx, store.Alias(out)))
}

// aliases lists those of one domain, or all for "".
func (a *admin) aliases(ctx context.Context, domain string) (out []aliasFacts, err error) {
	if domain != "" {
		if domain, err = parseDomain(domain); err != nil {
			return nil, err
		}
	}
	as, err := a.store.Aliases(ctx, domain)
	out = make([]aliasFacts, 0, len(as))
	for _, al := range as {
		out = append(out, aliasFacts(al))
	}
	return out, err
}

func (a *admin) removeAlias(ctx context.Context, address string) (none, error) {
	p, err := parseAddress(address)
	if err != nil {
		return none{}, err
	}
	return none{}, about("alias "+p.String(), a.store.RemoveAlias(ctx, p.String()))
}
