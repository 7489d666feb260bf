package store

import "posthorn/mail"

// Next is where mail for p goes on to, an address of ours whose entry is a. The
// first of these that applies decides:
//
//  1. an alias: its targets
//  2. an account: nowhere, the account takes it
//  3. an address with detail: the address without it
//  4. postmaster and abuse: the domain's administrator
//  5. the domain's catch-all
//
// None: the account takes it, or nobody.
func (a Address) Next(p mail.Path) []mail.Path {
	if len(a.Targets) > 0 || a.Account != nil {
		return a.Targets
	}
	if base, ok := p.WithoutDetail(); ok {
		return []mail.Path{base}
	}
	answering := a.Domain.CatchAll
	if p.IsRole() {
		answering = a.Domain.Admin
	}
	next, err := mail.ParsePath(answering)
	if err != nil || next.IsNull() {
		return nil
	}
	return []mail.Path{next}
}
