package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"posthorn/internal/serve"
	"posthorn/mail"
	"posthorn/relay"
	"posthorn/store"
)

var (
	domainAdd    = verb[domainFacts, domainAdded]{"domain/add", (*admin).addDomain}
	domainList   = verb[none, []domainFacts]{"domain/list", (*admin).domains}
	domainRemove = verb[string, none]{"domain/remove", (*admin).removeDomain}
	domainDNS    = verb[string, []record]{"domain/dns", (*admin).domainRecords}
)

// domainFacts is a domain as the verbs show and take it.
type domainFacts struct {
	Name     string    `json:"name"`
	Kind     string    `json:"kind"` // "local", "alias" or "backup"
	AliasOf  string    `json:"alias_of,omitempty"`
	Admin    string    `json:"admin"`
	CatchAll string    `json:"catch_all,omitempty"`
	Created  time.Time `json:"created,omitzero"`

	Backup  bool           `json:"backup,omitempty"`
	Primary string         `json:"primary,omitempty"`
	Keep    serve.Duration `json:"keep,omitempty"`
}

// domainAdded answers `domain add`.
type domainAdded struct {
	Domain  domainFacts `json:"domain"`
	Records []record    `json:"records"`
	Note    string      `json:"note,omitempty"` // what is still missing
}

func showDomain(d store.Domain) domainFacts {
	kind := "local"
	switch {
	case d.Backup:
		kind = "backup"
	case d.AliasOf != "":
		kind = "alias"
	}
	return domainFacts{Name: d.Name, Kind: kind, AliasOf: d.AliasOf, Admin: d.Admin, CatchAll: d.CatchAll, Created: d.Created,
		Backup: d.Backup, Primary: d.Primary, Keep: serve.Duration(d.Keep)}
}

// addDomain takes mail for a new domain and makes its DKIM keys. The keys are
// made first: they take longest, and a domain without keys is not useful.
func (a *admin) addDomain(ctx context.Context, in domainFacts) (out domainAdded, err error) {
	d, err := a.newDomain(ctx, in)
	if err != nil {
		return out, err
	}
	var keys []store.DKIMKey
	if !d.Backup { // its mail is signed where it is written
		if keys, err = newDKIMKeys(d.Name, time.Now()); err != nil {
			return out, err
		}
	}
	if err := a.store.AddDomain(ctx, d); err != nil {
		return out, about("domain "+d.Name, err)
	}
	for _, k := range keys {
		if err := a.store.AddDKIMKey(ctx, k); err != nil {
			return out, about("DKIM key "+k.Selector, err)
		}
	}
	d, err = a.store.Domain(ctx, d.Name)
	if err != nil {
		return out, err
	}
	out.Domain = showDomain(d)
	out.Note = a.unreachable(ctx, d)
	out.Records, err = a.domainRecords(ctx, d.Name)
	return out, err
}

// unreachable says what to do when nobody here has the address of a domain's
// administrator, "" when somebody has or another host knows.
func (a *admin) unreachable(ctx context.Context, d store.Domain) string {
	p, err := mail.ParsePath(d.Admin)
	if err != nil || p.IsNull() {
		return ""
	}
	release, err := a.verify(ctx, mail.Path{}, mail.Recipient{Path: p}, 0)
	if err == nil {
		release()
	}
	if !errors.Is(err, mail.NoSuchMailbox) && !errors.Is(err, mail.NobodyAnswers) {
		return ""
	}
	return fmt.Sprintf("Nobody has the address %s yet, so mail to postmaster@%s and abuse@%[2]s finds no mailbox: posthorn user add %[1]s", d.Admin, d.Name)
}

// newDomain judges what `domain add` was given.
func (a *admin) newDomain(ctx context.Context, in domainFacts) (d store.Domain, err error) {
	if d.Name, err = parseDomain(in.Name); err != nil {
		return d, err
	}
	if in.Backup || in.Primary != "" || in.Keep != 0 {
		return backupDomain(d.Name, in)
	}
	if in.AliasOf != "" {
		if d.AliasOf, err = parseDomain(in.AliasOf); err != nil {
			return d, err
		}
		real, err := a.store.Domain(ctx, d.AliasOf)
		if err != nil {
			return d, about("domain "+d.AliasOf, err)
		}
		if real.AliasOf != "" {
			return d, usage(fmt.Errorf("%s is itself an alias of %s", real.Name, real.AliasOf))
		}
		in.Admin = or(in.Admin, real.Admin)
	}
	admin, err := parseAddress(in.Admin)
	if err != nil {
		return d, fmt.Errorf("the administrator's address: %w", err)
	}
	d.Admin = admin.String()
	if in.CatchAll != "" {
		p, err := parseAddress(in.CatchAll)
		if err != nil {
			return d, fmt.Errorf("the catch-all address: %w", err)
		}
		d.CatchAll = p.String()
	}
	return d, nil
}

// backupDomain judges what `domain add --backup` was given.
func backupDomain(name string, in domainFacts) (store.Domain, error) {
	d := store.Domain{Name: name, Backup: true, Primary: in.Primary, Keep: time.Duration(in.Keep)}
	switch {
	case !in.Backup:
		return d, usage(errors.New("--primary and --keep go with --backup"))
	case in.AliasOf != "" || in.CatchAll != "" || in.Admin != "":
		return d, usage(errors.New("--backup: the addresses are on the other host, so there is no --admin, --alias-of or --catch-all here"))
	case d.Keep < 0:
		return d, usage(errors.New("--keep: less than no time"))
	}
	if err := relay.CheckPrimary(in.Primary); err != nil {
		return d, usage(fmt.Errorf("--primary: %w", err))
	}
	return d, nil
}

func (a *admin) domains(ctx context.Context, _ none) ([]domainFacts, error) {
	ds, err := a.store.Domains(ctx)
	out := make([]domainFacts, 0, len(ds))
	for _, d := range ds {
		out = append(out, showDomain(d))
	}
	return out, err
}

func (a *admin) removeDomain(ctx context.Context, name string) (none, error) {
	name, err := parseDomain(name)
	if err != nil {
		return none{}, err
	}
	return none{}, about("domain "+name, a.store.RemoveDomain(ctx, name))
}

// domainRecords gives the lines a domain's DNS needs.
func (a *admin) domainRecords(ctx context.Context, name string) ([]record, error) {
	name, err := parseDomain(name)
	if err != nil {
		return nil, err
	}
	d, err := a.store.Domain(ctx, name)
	if err != nil {
		return nil, about("domain "+name, err)
	}
	keys, err := a.store.DKIMKeys(ctx, name)
	if err != nil {
		return nil, err
	}
	records, err := dnsRecords(d, a.config.Hostname, keys)
	if err != nil {
		return nil, err
	}
	more, err := a.config.tlsRecords(d.Name, d.Admin)
	return append(records, more...), err
}
