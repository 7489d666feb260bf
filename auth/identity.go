package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"posthorn/store"
)

// Identity is a login that was verified.
type Identity struct {
	Account store.AccountID
	Login   string // the account's address in key form
	App     string // name of the app password it was proved with, "" for none

	proof   mac       // of the hash or the keys it was proved against; zero for none of ours
	until   time.Time // when what proved it runs out; zero for never
	checked time.Time // when it was looked at last
}

func (a *Auth) identity(s subject, app, secret string) Identity {
	return Identity{Account: s.Account.ID, Login: s.Account.Login, App: app, proof: a.verified.mac(secret), checked: time.Now()}
}

// recheck is how long a session may go on after its login has been taken back.
const recheck = time.Minute

// Still tells whether a session may go on: ErrCredentials once its account is
// switched off or gone, its password changed, its app password revoked or
// expired, its token run out. The store is asked once a minute; its own failure
// ends nothing.
func (a *Auth) Still(ctx context.Context, id *Identity) error {
	now := time.Now()
	if now.Sub(id.checked) < recheck {
		return nil
	}
	id.checked = now
	if !id.until.IsZero() && !now.Before(id.until) {
		return fmt.Errorf("%w: the token has run out", ErrCredentials)
	}
	c, err := a.dir.Credentials(ctx, id.Login)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && c.Account.ID != id.Account:
		return errUnknown
	case err != nil:
		a.log.Warn("login not looked at again", "account", id.Login, "error", err)
		return nil
	case !c.Account.Enabled:
		return errDisabled
	case id.proof == mac{}:
		return nil
	case id.App == "" && a.verified.mac(c.Password) != id.proof:
		return errPassword
	case id.App != "":
		return a.stillApp(c.Apps, id, now)
	}
	return nil
}

func (a *Auth) stillApp(apps []store.AppPassword, id *Identity, now time.Time) error {
	for i := range apps {
		if apps[i].Name != id.App || a.verified.mac(string(apps[i].Keys)) != id.proof {
			continue
		}
		if expired(&apps[i], now) {
			return errAppExpired
		}
		return nil
	}
	return fmt.Errorf("%w: the app password was revoked", ErrCredentials)
}
