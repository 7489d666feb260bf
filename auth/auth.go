// Package auth says who may log in and which addresses a login may send as.
//
// It promises: an unknown user, a switched-off account and a wrong password
// get the same answer after the same work; guessing is slowed before any
// password is hashed, and the guessing of one address never locks the owner
// out elsewhere. Passwords are stored as argon2id; a login that was verified
// is remembered for minutes, so that a mail program's five connections cost
// one hash.
//
// RFCs: 4616 (PLAIN), 4954 §4 and 9051 §6.2.2 (its users), 8265 §4.2
// (passwords are compared in NFC). LOGIN has only an expired draft, but old
// programs and scanners know nothing else.
package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"posthorn/internal/serve"
	"posthorn/mail"
	"posthorn/store"
)

// What a login attempt fails with. Any other error is the store failing: the
// client should keep its password and try again.
var (
	ErrCredentials = errors.New("wrong user name or password")
	ErrThrottled   = errors.New("too many wrong passwords") // close the connection
	ErrMechanism   = errors.New("login mechanism is not offered")
	ErrSyntax      = errors.New("response is not what the login mechanism asks for")
)

// Config is the table [auth].
type Config struct {
	Remember serve.Duration `toml:"remember"` // how long a verified login needs no hashing
}

// DefaultConfig is what config.example.toml shows.
func DefaultConfig() Config { return Config{Remember: serve.Duration(5 * time.Minute)} }

// Peer is who is trying, and how.
type Peer struct {
	Addr     netip.Addr // the zero Addr for a Unix socket
	Protocol string     // "imap", "pop3", "submission"
	TLS      bool
	Channel  *serve.Channel // what TLS knows of the peer; nil where nothing can be bound to it
}

// Identity is a login that was verified.
type Identity struct {
	Account store.AccountID
	Login   string // the account's address in key form
}

// directory is what auth asks of the store.
type directory interface {
	Password(ctx context.Context, login string) (store.Account, string, error)
	AccountByLogin(ctx context.Context, login string) (store.Account, error)
	Address(ctx context.Context, p mail.Path) (store.Address, error)
}

// Auth checks logins. It may be used by any number of sessions.
type Auth struct {
	dir      directory
	log      *slog.Logger
	hashing  chan struct{} // a slot for each password being hashed
	match    func(hash, password string) (bool, error)
	decoy    string // hashed instead, where there is no such account
	verified *cache
	throttle *throttle
}

// New makes an Auth over the accounts of st.
func New(st *store.Store, cfg Config, log *slog.Logger) *Auth { return newAuth(st, cfg, log) }

func newAuth(dir directory, cfg Config, log *slog.Logger) *Auth {
	return &Auth{
		dir:      dir,
		log:      log,
		hashing:  make(chan struct{}, maxHashing),
		match:    match,
		decoy:    decoy(),
		verified: newCache(time.Duration(cfg.Remember)),
		throttle: newThrottle(),
	}
}

// Plain checks a login and its password. It may take long: guessing waits
// here.
func (a *Auth) Plain(ctx context.Context, p Peer, login, password string) (Identity, error) {
	key := loginKey(login)
	return a.attempt(ctx, p, key, normal(password), func() (Identity, error) {
		return a.verify(ctx, key, normal(password))
	})
}

// attempt lets verify decide about a login, under the rules for guessing.
// secret is what a guesser would change; what verify fails with is logged, and
// only its kind is given.
func (a *Auth) attempt(ctx context.Context, p Peer, key, secret string, verify func() (Identity, error)) (Identity, error) {
	try, err := a.throttle.admit(ctx, serve.Network(p.Addr), key, a.verified.mac(key, secret))
	if err != nil {
		if errors.Is(err, ErrThrottled) {
			a.log.Warn("password guessing refused", "peer", p.Addr.String(), "protocol", p.Protocol, "account", mail.Clean(key))
		}
		return Identity{}, err
	}
	id, err := verify()
	switch {
	case err == nil:
		try.succeeded()
	case errors.Is(err, ErrCredentials):
		try.failed()
		a.log.Info("login failed", "peer", p.Addr.String(), "protocol", p.Protocol, "account", mail.Clean(key), "status", err.Error())
		err = ErrCredentials // which of them it was is for the administrator alone
	default:
		try.undecided()
	}
	return id, err
}

// The ways in which a login is wrong, for the log.
var (
	errUnknown  = fmt.Errorf("%w: unknown user", ErrCredentials)
	errDisabled = fmt.Errorf("%w: the account is switched off", ErrCredentials)
	errNoHash   = fmt.Errorf("%w: the account has no password", ErrCredentials)
	errPassword = fmt.Errorf("%w: wrong password", ErrCredentials)
)

// verify decides; every path that ends in ErrCredentials has hashed once.
func (a *Auth) verify(ctx context.Context, key, password string) (Identity, error) {
	account, hash, err := a.dir.Password(ctx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Identity{}, fmt.Errorf("look up login: %w", err)
	}
	wrong := errPassword
	switch {
	case err != nil:
		wrong = errUnknown
	case !account.Enabled:
		wrong = errDisabled
	case hash == "":
		wrong = errNoHash
	}
	known := wrong == errPassword
	if !known {
		hash = a.decoy
	}
	mac := a.verified.mac(key, hash, password)
	if known && a.verified.has(mac) {
		return Identity{account.ID, account.Login}, nil
	}
	same, err := a.compare(ctx, hash, password)
	switch {
	case err != nil:
		return Identity{}, err
	case !known || !same:
		return Identity{}, wrong
	}
	a.verified.add(mac)
	return Identity{account.ID, account.Login}, nil
}

// compare hashes, at most maxHashing at a time: each takes 19 MiB and a core.
func (a *Auth) compare(ctx context.Context, hash, password string) (bool, error) {
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return a.match(hash, password)
}

// maxLogin bounds what is kept and logged of a name that is no address, in
// octets; no address is longer.
const maxLogin = 320

// loginKey is the form in which logins are looked up and counted. What is no
// address is counted as it is, or as it begins, and found nowhere.
func loginKey(login string) string {
	p, err := mail.ParsePath(login)
	if err != nil && len(login) > maxLogin {
		return login[:maxLogin] + "..."
	}
	if err != nil {
		return login
	}
	return p.Key().String()
}
