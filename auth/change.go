package auth

import (
	"context"
	"fmt"
	"time"

	"posthorn/store"
)

// SetPassword gives an account a new password, and its SCRAM keys where they
// are kept. App passwords stay as they are.
func (a *Auth) SetPassword(ctx context.Context, account store.Account, password string) error {
	hash, err := Hash(password)
	if err != nil {
		return err
	}
	if err := a.dir.SetPassword(ctx, account.ID, hash); err != nil {
		return err
	}
	return a.Keep(ctx, account, hash, password)
}

// Keep makes the SCRAM keys of a password that the store has the hash of, where
// they are kept. If it fails the account's next login with PLAIN makes them.
func (a *Auth) Keep(ctx context.Context, account store.Account, hash, password string) error {
	if !a.cfg.SCRAM {
		return nil
	}
	k, err := a.scram(ctx, account)
	if err != nil {
		return err
	}
	return a.makeKeys(ctx, account.ID, hash, k, password)
}

// scram is the salt and count that all keys of an account are made with.
func (a *Auth) scram(ctx context.Context, account store.Account) (store.SCRAM, error) {
	c, err := a.dir.Credentials(ctx, account.Login)
	if err != nil {
		return store.SCRAM{}, err
	}
	return a.salted(ctx, account.Login, c.SCRAM)
}

// AddAppPassword makes one for an account and gives it, as it is shown this once.
// Without protocols (of Protocols) it is good for all; a zero expires is never.
func (a *Auth) AddAppPassword(ctx context.Context, account store.Account, name string, protocols []string, expires time.Time) (password string, err error) {
	k, err := a.scram(ctx, account)
	if err != nil {
		return "", err
	}
	password = newAppPassword()
	keys, err := appKeys(password, k)
	if err != nil {
		return "", fmt.Errorf("make app password: %w", err)
	}
	app := store.AppPassword{Name: name, Protocols: protocols, Keys: keys, Created: time.Now(), Expires: expires}
	return password, a.dir.AddAppPassword(ctx, account.ID, k, app)
}

// Settle makes the store keep what the config asks for: without SCRAM no keys of
// accounts' own passwords, which are weaker than their hash. The secret behind the
// salts is made, when there is none yet: a login needs it, and must not have to
// write when the disk is full. That it cannot be made stops no start.
func (a *Auth) Settle(ctx context.Context) error {
	if _, err := a.secret(ctx); err != nil {
		a.log.Warn("no salt can be made yet; logins fail until it can", "error", err)
	}
	if a.cfg.SCRAM {
		return nil
	}
	return a.dir.DropPasswordKeys(ctx)
}
