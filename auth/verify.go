package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"posthorn/store"
)

// The ways in which a login is wrong, for the log.
var (
	errUnknown  = fmt.Errorf("%w: unknown user", ErrCredentials)
	errDisabled = fmt.Errorf("%w: the account is switched off", ErrCredentials)
	errNoHash   = fmt.Errorf("%w: the account has no password", ErrCredentials)
	errNoKeys   = fmt.Errorf("%w: wrong app password, or a password without SCRAM keys; logging in with PLAIN once makes them", ErrCredentials)
	errPassword = fmt.Errorf("%w: wrong password", ErrCredentials)
)

// subject is a login with all it can be checked against. A login that nobody
// has, or that is switched off, is checked like any other, and in vain.
type subject struct {
	store.Credentials
	key   string
	wrong error // why no password can be right; nil when one can
}

// subject looks a login up.
func (a *Auth) subject(ctx context.Context, key string) (s subject, err error) {
	s.key = key
	s.Credentials, err = a.dir.Credentials(ctx, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		s.wrong = errUnknown
	case err != nil:
		return s, fmt.Errorf("look up login: %w", err)
	case !s.Account.Enabled:
		s.wrong = errDisabled
	}
	if s.wrong != nil {
		s.Password, s.Apps, s.SCRAM.Keys = "", nil, nil
	}
	if s.SCRAM, err = a.salted(ctx, key, s.SCRAM); err != nil {
		return s, fmt.Errorf("look up login: %w", err)
	}
	return s, nil
}

// verify decides about a password; every path that ends in ErrCredentials has
// hashed once, and what may be an app password has derived its keys once.
func (a *Auth) verify(ctx context.Context, p Peer, key, password string) (Identity, error) {
	s, err := a.subject(ctx, key)
	if err != nil {
		return Identity{}, err
	}
	wrong := errPassword
	if bare, ok := bareApp(password); ok {
		switch id, err := a.verifyApp(ctx, p, s, bare); {
		case err == nil:
			return id, nil
		case !errors.Is(err, ErrCredentials):
			return Identity{}, err
		default:
			wrong = err
		}
	}
	return a.verifyMain(ctx, s, normal(password), wrong)
}

// verifyMain decides whether the account's own password is given. Otherwise it
// fails with wrong, unless it knows better.
func (a *Auth) verifyMain(ctx context.Context, s subject, password string, wrong error) (Identity, error) {
	hash := s.Password
	switch {
	case s.wrong != nil:
		wrong = s.wrong
	case hash == "" && wrong == errPassword:
		wrong = errNoHash
	}
	known := hash != ""
	if !known {
		hash = a.decoy
	}
	mac := a.verified.mac(s.key, hash, password)
	if known && a.verified.has(mac) {
		return a.identity(s, "", s.Password), nil
	}
	same, err := slot(ctx, a, func() (bool, error) { return a.match(hash, password) })
	switch {
	case err != nil:
		return Identity{}, err
	case !known || !same:
		return Identity{}, wrong
	}
	a.verified.add(mac)
	a.keepKeys(ctx, s, password)
	return a.identity(s, "", s.Password), nil
}

// verifyApp decides whether an app password is given, by its keys: one
// derivation, however many there are.
func (a *Auth) verifyApp(ctx context.Context, p Peer, s subject, bare string) (Identity, error) {
	for i := range s.Apps {
		app := &s.Apps[i]
		if a.verified.has(a.verified.mac(s.key, string(app.Keys), bare)) {
			return a.useApp(s, app, p)
		}
	}
	k, err := slot(ctx, a, func() (pair, error) { return a.derive(bare, s.SCRAM.Salt, s.SCRAM.Iterations) })
	if err != nil {
		return Identity{}, err
	}
	app := findApp(s.Apps, k)
	if app == nil {
		return Identity{}, errPassword
	}
	a.verified.add(a.verified.mac(s.key, string(app.Keys), bare))
	return a.useApp(s, app, p)
}

// useApp lets in whoever has proved an app password, where it counts.
func (a *Auth) useApp(s subject, app *store.AppPassword, p Peer) (Identity, error) {
	if err := usable(app, p, time.Now()); err != nil {
		return Identity{}, err
	}
	return a.identity(s, app.Name, string(app.Keys)), nil
}

// keepKeys makes SCRAM keys of a password that was just proved, where they are
// wanted and missing. The login does not depend on it.
func (a *Auth) keepKeys(ctx context.Context, s subject, password string) {
	if !a.cfg.SCRAM || len(s.SCRAM.Keys) > 0 {
		return
	}
	if err := a.makeKeys(ctx, s.Account.ID, s.Password, s.SCRAM, password); err != nil {
		a.log.Warn("no SCRAM keys were made", "account", s.key, "error", err)
	}
}

// makeKeys stores the SCRAM keys of a password whose hash is stored. What has no
// form in SCRAM gets none: such a password works with PLAIN.
func (a *Auth) makeKeys(ctx context.Context, id store.AccountID, hash string, k store.SCRAM, password string) error {
	form, ok := prepared(password)
	if !ok {
		return nil
	}
	keys, err := slot(ctx, a, func() (pair, error) { return a.derive(form, k.Salt, k.Iterations) })
	if err != nil {
		return err
	}
	k.Keys = pack(keys)
	return a.dir.SetPasswordKeys(ctx, id, hash, k)
}

// slot hashes, at most maxHashing at a time: each takes a core, and 19 MiB or
// nothing.
func slot[T any](ctx context.Context, a *Auth, hash func() (T, error)) (T, error) {
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
	return hash()
}
