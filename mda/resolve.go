package mda

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"posthorn/mail"
	"posthorn/store"
)

// maxHops bounds how many aliases may lead to one another. A longer chain
// counts as a loop.
const maxHops = 20

// routes is what one address means.
type routes struct {
	accounts []target
	onward   []forward
	returned bool      // it is a bounce on its way back to a stranger
	unproven mail.Path // a bounce for somebody who may not have written what it is about goes nowhere
}

// target is one account here.
type target struct {
	account *store.Account
	exempt  bool // reached as postmaster or abuse: never full
}

// forward is one address at another host.
type forward struct {
	by mail.Path // our address that leads there, in key form
	to mail.Path // as the administrator wrote it
}

// resolve follows an address of ours to the accounts and foreign addresses it
// stands for: an account without an alias takes it, else it goes on as
// store.Address.Next says, where a target that is the alias's own address means
// the account of that name. A return path of forwarded mail that was given out
// here leads on to whom it stands for, from the null return path only; one of our
// own mail is the address without its tag. Where nothing proved who had written
// what was forwarded, the return path is there (a host may ask) and leads
// nowhere. Nobody at all is NoSuchMailbox, or NobodyAnswers for postmaster and
// abuse. A member of an alias who cannot take mail is left out while others can.
func (m *MDA) resolve(ctx context.Context, from, p mail.Path) (routes, error) {
	w := walk{m: m, from: from, start: p, state: map[mail.Path]progress{}}
	if p.Domain == "" {
		domain, err := m.homeDomain(ctx)
		if err != nil {
			return routes{}, err
		}
		p.Domain = domain
	}
	if err := w.follow(ctx, p, mail.Path{}, 0, false); err != nil {
		return routes{}, fmt.Errorf("resolve %s: %w", p, err)
	}
	if len(w.found.accounts) == 0 && len(w.found.onward) == 0 && w.found.unproven.IsNull() {
		return routes{}, m.nobody(p, w.refusals[0])
	}
	for _, r := range w.refusals {
		m.log.Warn("alias has a member who cannot take mail", "to", w.start.String(), "status", r.Error())
	}
	return w.found, nil
}

// nobody is why p reaches nobody. For postmaster and abuse that is our own fault,
// and one that the administrator can mend.
func (m *MDA) nobody(p mail.Path, why mail.Reply) mail.Reply {
	if !p.IsRole() || errors.Is(why, mail.RelayDenied) {
		return why
	}
	m.log.Warn("nobody answers for a role address", "to", p.String(), "status", why.Error())
	return mail.NobodyAnswers.With(p)
}

// homeDomain is the domain <Postmaster> belongs to: the one this host's name
// is in, else the first that was added.
func (m *MDA) homeDomain(ctx context.Context) (string, error) {
	all, err := m.dir.Domains(ctx)
	if err != nil {
		return "", fmt.Errorf("find the domain of postmaster: %w", err)
	}
	host := mail.Path{Domain: m.cfg.Hostname}.Key().Domain
	var first *store.Domain
	for i, d := range all {
		if d.Backup {
			continue
		}
		if host == d.Name || strings.HasSuffix(host, "."+d.Name) {
			return d.Name, nil
		}
		if first == nil || d.Created.Before(first.Created) {
			first = &all[i]
		}
	}
	if first == nil {
		return "", mail.NoSuchMailbox.With("postmaster")
	}
	return first.Name, nil
}

type progress int8

const (
	open progress = iota + 1 // on the way from the start to here
	done
)

// walk is one resolve.
type walk struct {
	m        *MDA
	from     mail.Path // the return path
	start    mail.Path // as the sender wrote it
	state    map[mail.Path]progress
	found    routes
	refusals []mail.Reply // at least one where nothing was found
}

// follow goes on to p, where by, an address of ours, leads. It fails only when
// the store does; what an address cannot take becomes a refusal.
func (w *walk) follow(ctx context.Context, p, by mail.Path, hops int, exempt bool) error {
	key := p.Key()
	if w.state[key] == done {
		return nil
	}
	if w.state[key] == open || hops > maxHops {
		w.refusals = append(w.refusals, mail.AliasLoop.With(w.start))
		return nil
	}
	w.state[key] = open
	defer func() { w.state[key] = done }()

	a, err := w.m.dir.Address(ctx, key)
	if errors.Is(err, store.ErrNotFound) && !by.IsNull() {
		w.found.onward = append(w.found.onward, forward{by, p})
		return nil
	}
	if errors.Is(err, store.ErrNotFound) {
		w.refusals = append(w.refusals, mail.RelayDenied.With(p))
		return nil
	}
	if err != nil {
		return err
	}
	if plain, _, err := w.m.Untag(ctx, w.from, p); err != nil {
		return w.refuse(err)
	} else if plain != p {
		return w.follow(ctx, plain, by, hops+1, exempt)
	}
	switch path, err := w.m.comeBack(ctx, w.from, p); {
	case err != nil:
		return w.refuse(err)
	case path != nil && !path.proven:
		w.found.unproven = path.to
		return nil
	case path != nil:
		w.found.returned = true
		return w.follow(ctx, path.to, key, hops+1, exempt)
	}
	exempt = exempt || key.IsRole()
	if len(a.Targets) == 0 && a.Account != nil {
		w.arrive(a.Account, exempt)
		return nil
	}
	next := a.Next(key)
	if len(next) == 0 {
		w.refusals = append(w.refusals, mail.NoSuchMailbox.With(w.start))
	}
	for _, t := range next {
		if t.Key() == key && a.Account != nil {
			w.arrive(a.Account, exempt)
		} else if err := w.follow(ctx, t, key, hops+1, exempt); err != nil {
			return err
		}
	}
	return nil
}

// refuse notes a decision; a failure it gives back.
func (w *walk) refuse(err error) error {
	reply, ok := refused(err)
	if !ok {
		return err
	}
	w.refusals = append(w.refusals, reply)
	return nil
}

// arrive takes an account in, once.
func (w *walk) arrive(a *store.Account, exempt bool) {
	if !a.Enabled {
		w.refusals = append(w.refusals, mail.MailboxDisabled.With(w.start))
		return
	}
	for i, t := range w.found.accounts {
		if t.account.ID == a.ID {
			w.found.accounts[i].exempt = t.exempt || exempt
			return
		}
	}
	w.found.accounts = append(w.found.accounts, target{a, exempt})
}
