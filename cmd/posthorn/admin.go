package main

import (
	"errors"
	"fmt"

	"posthorn/auth"
	"posthorn/mail"
	"posthorn/mda"
	"posthorn/queue"
	"posthorn/store"
)

// admin does the verbs' work. Its methods are called by the server's socket
// and, when no server runs, by the verb's own process.
type admin struct {
	config *Config
	store  *store.Store
	auth   *auth.Auth
	queue  *queue.Queue
	mda    *mda.MDA
}

// parseAddress reads a full address and gives it in key form.
func parseAddress(s string) (mail.Path, error) {
	p, err := mail.ParsePath(s)
	if err != nil || p.IsNull() || p.Domain == "" {
		return p, usage(fmt.Errorf("%s is not an address", mail.Clean(s)))
	}
	return p.Key(), nil
}

// parseDomain reads a domain's name, without address literals, in key form.
func parseDomain(s string) (string, error) {
	p, err := mail.ParsePath("x@" + s)
	if err != nil || p.Domain != s || s[0] == '[' {
		return "", usage(fmt.Errorf("%s is not a domain name", mail.Clean(s)))
	}
	return p.Key().Domain, nil
}

// worded is an error in other words, of the same kind.
type worded struct {
	words string
	error
}

func (w worded) Error() string { return w.words }
func (w worded) Unwrap() error { return w.error }

// about puts a subject and the store's kind of failure into words.
func about(subject string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNotFound):
		return worded{"there is no " + subject, err}
	case errors.Is(err, store.ErrExists):
		return worded{subject + " exists already", err}
	}
	return fmt.Errorf("%s: %w", subject, err)
}
