package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"posthorn/auth"
	"posthorn/mail"
	"posthorn/store"
)

var (
	appAdd    = verb[appSpec, appFacts]{"app-password/add", (*admin).addAppPassword}
	appList   = verb[string, []appFacts]{"app-password/list", (*admin).appPasswords}
	appRevoke = verb[appSpec, none]{"app-password/revoke", (*admin).revokeAppPassword}
)

// appSpec is what the verbs that change an app password take.
type appSpec struct {
	Address   string    `json:"address"`
	Name      string    `json:"name"`
	Protocols []string  `json:"protocols,omitempty"`
	Expires   time.Time `json:"expires,omitzero"`
}

// appFacts is an app password as the verbs show it; Password itself is given by
// `add` only, since only its keys are kept.
type appFacts struct {
	Name      string    `json:"name"`
	Password  string    `json:"password,omitempty"`
	Protocols []string  `json:"protocols"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires,omitzero"`
	Used      time.Time `json:"used,omitzero"`
	UsedFrom  string    `json:"used_from,omitempty"`
}

// maxAppName bounds the name of an app password, in octets.
const maxAppName = 64

func (s *appSpec) check() error {
	if s.Name == "" || len(s.Name) > maxAppName || mail.Clean(s.Name) != s.Name || strings.TrimSpace(s.Name) != s.Name {
		return usage(fmt.Errorf("an app password needs a name of at most %d printable characters, such as the program it is for", maxAppName))
	}
	for _, p := range s.Protocols {
		if !slices.Contains(auth.Protocols, p) {
			return usage(fmt.Errorf("%s is none of %s", mail.Clean(p), strings.Join(auth.Protocols, ", ")))
		}
	}
	if !s.Expires.IsZero() && !s.Expires.After(time.Now()) {
		return usage(errors.New("it would have expired already"))
	}
	slices.Sort(s.Protocols)
	s.Protocols = slices.Compact(s.Protocols)
	return nil
}

func (a *admin) addAppPassword(ctx context.Context, in appSpec) (out appFacts, err error) {
	acc, err := a.account(ctx, in.Address)
	if err != nil {
		return out, err
	}
	if err := in.check(); err != nil {
		return out, err
	}
	password, err := a.auth.AddAppPassword(ctx, acc, in.Name, in.Protocols, in.Expires)
	if errors.Is(err, store.ErrLimit) {
		return out, fmt.Errorf("%s has %d app passwords already: revoke one first", acc.Login, store.MaxAppPasswords)
	}
	if err != nil {
		return out, about("app password "+in.Name+" of "+acc.Login, err)
	}
	all, err := a.appPasswords(ctx, acc.Login)
	for _, app := range all {
		if app.Name == in.Name {
			app.Password = password
			return app, nil
		}
	}
	return out, about("app password "+in.Name+" of "+acc.Login, errors.Join(err, store.ErrNotFound))
}

func (a *admin) appPasswords(ctx context.Context, address string) (out []appFacts, err error) {
	acc, err := a.account(ctx, address)
	if err != nil {
		return nil, err
	}
	apps, err := a.store.AppPasswords(ctx, acc.ID)
	out = make([]appFacts, 0, len(apps))
	for _, app := range apps {
		protocols := app.Protocols
		if len(protocols) == 0 {
			protocols = auth.Protocols
		}
		out = append(out, appFacts{Name: app.Name, Protocols: protocols, Created: app.Created, Expires: app.Expires, Used: app.Used, UsedFrom: app.UsedFrom})
	}
	return out, err
}

func (a *admin) revokeAppPassword(ctx context.Context, in appSpec) (none, error) {
	acc, err := a.account(ctx, in.Address)
	if err != nil {
		return none{}, err
	}
	return none{}, about("app password "+mail.Clean(in.Name)+" of "+acc.Login, a.store.RemoveAppPassword(ctx, acc.ID, in.Name))
}
