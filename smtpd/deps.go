package smtpd

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/netip"

	"github.com/emersion/go-sasl"

	"posthorn/auth"
	"posthorn/check"
	"posthorn/internal/serve"
	"posthorn/mail"
)

// Queue takes responsibility for mail: nil means it is kept. *queue.Queue is one.
type Queue interface {
	Accept(ctx context.Context, m *mail.Mail) error
	// Refused records what was not taken, of which m has the sender, the queue
	// id and the origin.
	Refused(ctx context.Context, m *mail.Mail, peer netip.Addr, messageID string, refused []mail.Refusal)
}

// Recipients knows who has a mailbox here. *mda.MDA is one.
type Recipients interface {
	// Local tells whether a domain is ours; the empty one, that of
	// <Postmaster> (RFC 5321 §4.5.1), is.
	Local(ctx context.Context, domain string) (bool, error)
	// Untag gives the plain address of a local recipient that is named by the
	// return path which our mail left with (BATV), and whether that proves a bounce;
	// a bounce to a bad one is refused with a mail.Reply.
	Untag(ctx context.Context, from, p mail.Path) (plain mail.Path, tagged bool, err error)
	// Verify answers RCPT for a local recipient of mail from a return path; room for size octets is kept
	// until release is called.
	Verify(ctx context.Context, from mail.Path, r mail.Recipient, size int64) (release func(), err error)
}

// Verifier answers RCPT for a recipient whose mailbox is on another host: nil
// when mail for it is taken. *relay.Relay is one, for domains this host is a
// backup of.
type Verifier interface {
	Verify(ctx context.Context, r mail.Recipient, size int64) error
}

// Authenticator knows who may log in and send as whom. *auth.Auth is one.
type Authenticator interface {
	Mechanisms(p auth.Peer) []string
	Server(ctx context.Context, mech string, p auth.Peer, done func(auth.Identity)) (sasl.Server, error)
	// Still is auth.ErrCredentials once a login counts no more.
	Still(ctx context.Context, id *auth.Identity) error
	Owns(ctx context.Context, id auth.Identity, p mail.Path) (bool, error)
}

// Allowance knows how much accounts may send. *queue.Queue is one.
type Allowance interface {
	// Allow answers RCPT for one more recipient of an account's mail, who counts
	// until release is called, and from then on if the message was accepted.
	Allow(ctx context.Context, login string) (release func(), err error)
}

// Policy judges strangers. check.Policy is one.
type Policy interface {
	// Run gives a mail.Reply that refuses, or nil.
	Run(ctx context.Context, stage check.Stage, t *check.Transaction) error
}

// Deps is what a server works with.
type Deps struct {
	Hostname   string         // this host's name in greetings and trace fields
	TLS        *tls.Config    // nil: no STARTTLS, and no login
	Limiter    *serve.Limiter // nil: no limit on connections
	Spools     serve.Spools   // where content waits
	Queue      Queue
	Recipients Recipients
	Onward     Verifier               // MX only: recipients with mailboxes elsewhere; nil: none are taken
	Policy     Policy                 // MX only; nil: strangers are not checked
	Auth       Authenticator          // Submission only
	Allowance  Allowance              // Submission only; nil: accounts may send any number
	Space      func(need int64) error // store.Space; nil: never asked
	Log        *slog.Logger
}
