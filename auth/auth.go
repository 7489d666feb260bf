// Package auth says who may log in and which addresses a login may send as.
//
// It promises: an unknown user, a switched-off account and a wrong password
// get the same answer after the same work; guessing is slowed before any
// password is hashed, and the guessing of one address never locks the owner
// out elsewhere. Passwords are stored as argon2id; a login that was verified
// is remembered for minutes, so that a mail program's five connections cost
// one hash. Whatever a session began with, Still tells when that counts no more.
//
// Beside its password an account may have app passwords, one for each program,
// which can be taken back one by one.
//
// RFCs: 4616 (PLAIN), 5802 and 7677 (SCRAM-SHA-256), 5929 and 9266 (what it is
// bound to), 4422 Appendix A (EXTERNAL), 7628 (OAUTHBEARER)
// with 7519 and 7662; 4954 §4, 5034 and 9051 §6.2.2 (their
// users); 8265 §4.2 (passwords are compared in NFC, in SCRAM as RFC 4013 says).
// LOGIN has only an expired draft, but old programs and scanners know nothing
// else.
package auth

import (
	"context"
	"errors"
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
	SCRAM    bool           `toml:"scram"`    // SCRAM-SHA-256 is offered, and keys of each account's password are kept
	OIDC     OIDCConfig     `toml:"oidc"`
}

// DefaultConfig is what config.example.toml shows.
func DefaultConfig() Config {
	return Config{Remember: serve.Duration(5 * time.Minute), OIDC: OIDCConfig{Claim: "email"}}
}

// Peer is who is trying, and how.
type Peer struct {
	Addr     netip.Addr // the zero Addr for a Unix socket
	Protocol string     // "imap", "pop3", "submission"
	TLS      bool
	Trusted  bool           // the operator takes passwords in the clear from there
	Channel  *serve.Channel // what TLS knows of the peer; nil where nothing can be bound to it
}

// directory is what auth asks of the store.
type directory interface {
	Credentials(ctx context.Context, login string) (store.Credentials, error)
	AccountByLogin(ctx context.Context, login string) (store.Account, error)
	Address(ctx context.Context, p mail.Path) (store.Address, error)
	Secret(ctx context.Context, name string) ([]byte, error)

	SetPassword(ctx context.Context, id store.AccountID, hash string) error
	SetPasswordKeys(ctx context.Context, id store.AccountID, hash string, k store.SCRAM) error
	DropPasswordKeys(ctx context.Context) error
	AddAppPassword(ctx context.Context, id store.AccountID, k store.SCRAM, app store.AppPassword) error
	UsedAppPasswords(ctx context.Context, uses []store.AppUse) error
}

// Auth checks logins. It may be used by any number of sessions.
type Auth struct {
	dir      directory
	cfg      Config
	log      *slog.Logger
	hashing  chan struct{} // a slot for each password being hashed
	match    func(hash, password string) (bool, error)
	derive   func(password string, salt []byte, count int) (pair, error)
	decoy    string // hashed instead, where there is no such account
	salts    salts
	verified *cache
	throttle *throttle
	uses     uses
	issuer   *issuer // of bearer tokens; nil for none
	verdicts verdicts
}

// New makes an Auth over the accounts of st.
func New(st *store.Store, cfg Config, log *slog.Logger) *Auth { return newAuth(st, cfg, log) }

func newAuth(dir directory, cfg Config, log *slog.Logger) *Auth {
	return &Auth{
		dir:      dir,
		cfg:      cfg,
		log:      log,
		hashing:  make(chan struct{}, maxHashing),
		match:    match,
		derive:   newPair,
		decoy:    decoy(),
		verified: newCache(time.Duration(cfg.Remember)),
		throttle: newThrottle(),
	}
}

// OpenIssuer reads the files that [auth.oidc] names. Until then, and without an
// issuer in the config, no bearer tokens are taken.
func (a *Auth) OpenIssuer() (err error) {
	if a.cfg.OIDC.Issuer != "" {
		a.issuer, err = newIssuer(a.cfg.OIDC)
	}
	return err
}

// Plain checks a login and its password. It may take long: guessing waits
// here.
func (a *Auth) Plain(ctx context.Context, p Peer, login, password string) (Identity, error) {
	key := loginKey(login)
	return a.attempt(ctx, p, key, normal(password), func() (Identity, error) {
		return a.verify(ctx, p, key, password)
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
		a.uses.note(id, p)
	case errors.Is(err, ErrCredentials):
		try.failed()
		a.log.Info("login failed", "peer", p.Addr.String(), "protocol", p.Protocol, "account", mail.Clean(key), "status", err.Error())
		err = ErrCredentials // which of them it was is for the administrator alone
	default:
		try.undecided()
	}
	return id, err
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
