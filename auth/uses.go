package auth

import (
	"context"
	"sync"
	"time"

	"posthorn/store"
)

// uses is when app passwords were used last, as far as the store does not know
// it yet: no login waits for that.
type uses struct {
	mu   sync.Mutex // guards last
	last map[appKey]store.AppUse
}

type appKey struct {
	account store.AccountID
	name    string
}

// keepUses is how late the store learns of them.
const keepUses = time.Minute

// note remembers a login with an app password. What is remembered is bounded by
// the app passwords that there are.
func (u *uses) note(id Identity, p Peer) {
	if id.App == "" {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last == nil {
		u.last = map[appKey]store.AppUse{}
	}
	u.last[appKey{id.Account, id.App}] = store.AppUse{Account: id.Account, Name: id.App, At: time.Now(), From: p.Addr.String()}
}

func (u *uses) take() (all []store.AppUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, use := range u.last {
		all = append(all, use)
	}
	u.last = nil
	return all
}

// Run tells the store when app passwords were used, until ctx is done. It
// returns when the last of that is told.
func (a *Auth) Run(ctx context.Context) {
	tick := time.NewTicker(keepUses)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			a.keepUses(ctx)
		case <-ctx.Done():
			a.keepUses(context.WithoutCancel(ctx))
			return
		}
	}
}

func (a *Auth) keepUses(ctx context.Context) {
	all := a.uses.take()
	if len(all) == 0 {
		return
	}
	if err := a.dir.UsedAppPasswords(ctx, all); err != nil {
		a.log.Warn("the use of app passwords was not noted", "error", err)
	}
}
