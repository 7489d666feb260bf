package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones are known also where the system has none

	"posthorn/auth"
	"posthorn/mail"
	"posthorn/queue/words"
	"posthorn/store"
)

var (
	userAdd      = verb[userSpec, userFacts]{"user/add", (*admin).addUser}
	userList     = verb[none, []userFacts]{"user/list", (*admin).users}
	userShow     = verb[string, userFacts]{"user/show", (*admin).user}
	userPassword = verb[userSpec, none]{"user/passwd", (*admin).setPassword}
	userQuota    = verb[userSpec, userFacts]{"user/quota", (*admin).setQuota}
	userAdmin    = verb[userSwitch, none]{"user/admin", (*admin).setAdmin}
	userLanguage = verb[userSpec, userFacts]{"user/language", (*admin).setLanguage}
	userEnable   = verb[userSwitch, none]{"user/enable", (*admin).setEnabled}
	userRemove   = verb[string, none]{"user/remove", (*admin).removeUser}
)

// userSpec is what the verbs that change a user take.
type userSpec struct {
	Address  string `json:"address"`
	Password string `json:"password,omitempty"`
	Quota    quota  `json:"quota,omitzero"`
	Admin    bool   `json:"admin,omitempty"`

	Mailboxes *int64 `json:"mailboxes,omitempty"` // how many there may be; nil: as before

	Language *string `json:"language,omitempty"` // nil: as before
	Zone     *string `json:"zone,omitempty"`     // the same
}

// quota is a limit or a use; zero limits nothing.
type quota struct {
	Bytes    int64 `json:"bytes"`
	Messages int64 `json:"messages"`
}

type userSwitch struct {
	Address string `json:"address"`
	Enabled bool   `json:"enabled"`
}

// userFacts is a user as the verbs show it. Mailboxes, Aliases and Sent are given
// by `user show` only.
type userFacts struct {
	Address   string         `json:"address"`
	Enabled   bool           `json:"enabled"`
	Admin     bool           `json:"admin"`
	Boxes     int64          `json:"mailbox_limit"`
	Language  string         `json:"language,omitempty"`
	Zone      string         `json:"zone,omitempty"`
	Used      quota          `json:"used"`
	Limit     quota          `json:"limit"`
	Created   time.Time      `json:"created"`
	Folder    string         `json:"folder"`
	Mailboxes []mailboxFacts `json:"mailboxes,omitempty"`
	Aliases   []string       `json:"aliases,omitempty"`
	Sent      *sentFacts     `json:"sent,omitempty"`
}

// sentFacts is to how many recipients a user has sent, and may: 0 is any number.
type sentFacts struct {
	Hour      int `json:"hour"`
	Day       int `json:"day"`
	HourLimit int `json:"hour_limit"`
	DayLimit  int `json:"day_limit"`
}

type mailboxFacts struct {
	Name     string `json:"name"`
	Role     string `json:"role,omitempty"`
	Messages int64  `json:"messages"`
	Unseen   int64  `json:"unseen"`
	Bytes    int64  `json:"bytes"`
}

func showUser(a store.Account) userFacts {
	return userFacts{Address: a.Login, Enabled: a.Enabled, Admin: a.Admin, Boxes: a.Boxes, Language: a.Manners.Language, Zone: a.Manners.Zone, Used: quota(a.Used), Limit: quota(a.Limit),
		Created: a.Created, Folder: a.Dir}
}

// account finds the account that an address on the command line names.
func (a *admin) account(ctx context.Context, address string) (store.Account, error) {
	p, err := parseAddress(address)
	if err != nil {
		return store.Account{}, err
	}
	acc, err := a.store.AccountByLogin(ctx, p.String())
	return acc, about("user "+p.String(), err)
}

func (a *admin) addUser(ctx context.Context, in userSpec) (out userFacts, err error) {
	p, err := parseAddress(in.Address)
	if err != nil {
		return out, err
	}
	d, err := a.store.Domain(ctx, p.Domain)
	if err != nil {
		return out, about("domain "+p.Domain+" here: add it first", err)
	}
	if d.AliasOf != "" {
		return out, usage(fmt.Errorf("%s is an alias: add %s", d.Name, mail.Path{Local: p.Local, Domain: d.AliasOf}))
	}
	hash, err := hashPassword(in.Password)
	if err != nil {
		return out, err
	}
	acc, err := a.store.AddAccount(ctx, p.String(), hash, store.Quota(in.Quota))
	if err == nil {
		err = a.auth.Keep(ctx, acc, hash, in.Password)
	}
	if err == nil && in.Admin {
		acc.Admin, err = true, a.store.SetAdmin(ctx, acc.ID, true)
	}
	return showUser(acc), about("user "+p.String(), err)
}

func hashPassword(password string) (string, error) {
	if password == "" {
		return "", errNoPassword
	}
	return auth.Hash(password)
}

var errNoPassword = usage(errors.New("an empty password would let anybody in"))

func (a *admin) users(ctx context.Context, _ none) ([]userFacts, error) {
	as, err := a.store.Accounts(ctx)
	out := make([]userFacts, 0, len(as))
	for _, acc := range as {
		out = append(out, showUser(acc))
	}
	return out, err
}

func (a *admin) user(ctx context.Context, address string) (out userFacts, err error) {
	acc, err := a.account(ctx, address)
	if err != nil {
		return out, err
	}
	out = showUser(acc)
	sent, err := a.queue.Sending(ctx, acc.Login)
	if err != nil {
		return out, err
	}
	out.Sent = &sentFacts{sent.Hour, sent.Day, sent.HourLimit, sent.DayLimit}
	boxes, err := a.store.Mailboxes(ctx, acc.ID)
	if err != nil {
		return out, err
	}
	for _, b := range boxes {
		out.Mailboxes = append(out.Mailboxes, mailboxFacts{b.Name, string(b.Role), b.Messages, b.Unseen, b.Size})
	}
	aliases, err := a.store.Aliases(ctx, "")
	for _, al := range aliases {
		for _, t := range al.Targets {
			if t == acc.Login {
				out.Aliases = append(out.Aliases, al.Address)
			}
		}
	}
	return out, err
}

func (a *admin) setPassword(ctx context.Context, in userSpec) (none, error) {
	acc, err := a.account(ctx, in.Address)
	if err != nil {
		return none{}, err
	}
	if in.Password == "" {
		return none{}, errNoPassword
	}
	return none{}, about("user "+acc.Login, a.auth.SetPassword(ctx, acc, in.Password))
}

func (a *admin) setQuota(ctx context.Context, in userSpec) (out userFacts, err error) {
	acc, err := a.account(ctx, in.Address)
	if err != nil {
		return out, err
	}
	if in.Mailboxes != nil {
		acc.Boxes = *in.Mailboxes
	}
	if err := a.store.SetLimits(ctx, acc.ID, store.Quota(in.Quota), acc.Boxes); err != nil {
		return out, about("user "+acc.Login, err)
	}
	acc.Limit = store.Quota(in.Quota)
	return showUser(acc), nil
}

// setLanguage changes how a user is written to.
func (a *admin) setLanguage(ctx context.Context, in userSpec) (out userFacts, err error) {
	acc, err := a.account(ctx, in.Address)
	if err != nil {
		return out, err
	}
	if in.Language != nil {
		if acc.Manners.Language = *in.Language; acc.Manners.Language != "" && words.Of(acc.Manners.Language) == nil {
			return out, usage(fmt.Errorf("no reports are written in %q: choose one of %s", *in.Language, strings.Join(words.Languages(), ", ")))
		}
	}
	if in.Zone != nil {
		if acc.Manners.Zone = *in.Zone; acc.Manners.Zone != "" {
			if _, err := time.LoadLocation(acc.Manners.Zone); err != nil || acc.Manners.Zone == "Local" {
				return out, usage(fmt.Errorf("there is no time zone %q: names are such as Europe/Berlin", *in.Zone))
			}
		}
	}
	return showUser(acc), about("user "+acc.Login, a.store.SetManners(ctx, acc.ID, acc.Manners))
}

func (a *admin) setAdmin(ctx context.Context, in userSwitch) (none, error) {
	acc, err := a.account(ctx, in.Address)
	if err != nil {
		return none{}, err
	}
	return none{}, about("user "+acc.Login, a.store.SetAdmin(ctx, acc.ID, in.Enabled))
}

func (a *admin) setEnabled(ctx context.Context, in userSwitch) (none, error) {
	acc, err := a.account(ctx, in.Address)
	if err != nil {
		return none{}, err
	}
	return none{}, about("user "+acc.Login, a.store.SetEnabled(ctx, acc.ID, in.Enabled))
}

func (a *admin) removeUser(ctx context.Context, address string) (none, error) {
	acc, err := a.account(ctx, address)
	if err != nil {
		return none{}, err
	}
	return none{}, about("user "+acc.Login, a.store.RemoveAccount(ctx, acc.ID))
}
