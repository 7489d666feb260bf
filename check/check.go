// Package check judges mail from strangers: SPF, DKIM and DMARC, whether the
// sender's domain can take an answer, and whether a delivery report is about mail
// of ours.
//
// It promises: what is found stands in one Authentication-Results field of
// ours, and no forged one survives; only a domain's own published wish (DMARC
// reject, null MX) or a domain that does not exist refuses mail; DNS that does
// not answer is a temperror in that field, and delays a transaction by two
// seconds at most for each check; none can use up another's time.
//
// RFCs: 7208 (SPF), 6376 (DKIM), 7489 (DMARC), 8617 (ARC), 8601 (Authentication-Results),
// 7505 (null MX). Notable divergences: a message with several author domains is
// held to the strictest of them (§6.6.1 leaves it open); no reports are sent.
package check

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"posthorn/internal/dns"
	"posthorn/mail"
	"posthorn/message"
)

// Config is the table [check].
type Config struct {
	SPF          bool `toml:"spf"`
	DKIM         bool `toml:"dkim"`
	DMARC        bool `toml:"dmarc"`         // reject and quarantine are honoured
	SenderDomain bool `toml:"sender_domain"` // refuse senders whose domain does not exist or takes no mail
	ARC          bool `toml:"arc"`           // the state of a forwarder's chain is recorded
	Reports      bool `toml:"reports"`       // delivery reports about mail that nobody here sent go to Junk
	BATV         bool `toml:"-"`             // or are refused: our mail leaves with tags that reports come back to
}

// DefaultConfig is what config.example.toml shows.
func DefaultConfig() Config {
	return Config{SPF: true, DKIM: true, DMARC: true, ARC: true, SenderDomain: true, Reports: true}
}

// patience is how long one check of a transaction waits for the DNS. It is each
// check's own: a stranger picks the domains that are asked for, and one that does
// not answer must not leave the next check without time.
const patience = 2 * time.Second

// Transaction is what is known of one at a stage, and what the checks found.
type Transaction struct {
	Remote   netip.Addr // the zero Addr for a Unix socket
	Helo     string
	Hostname string         // this host's name: our id in Authentication-Results
	Envelope *mail.Envelope // from OnMail on
	Tagged   bool           // recipients were named by return paths that our mail left with (BATV)
	Content  mail.Content   // at OnData
	Header   message.Header // of Content

	// What came out at OnData.
	Proven   bool            // the return path's domain has authenticated this mail
	Head     []byte          // trace fields to put on top
	Found    string          // the same in a few words
	Returned []mail.Returned // it is a report about mail of ours
}

// junk files the message into Junk.
func (t *Transaction) junk() {
	if !bytes.Contains(t.Head, []byte(mail.JunkField)) {
		t.Head = append(t.Head, mail.JunkField...)
	}
}

// Check judges at one stage: nil, a mail.Reply that refuses, or the failure of
// the check itself, which refuses nothing.
type Check func(ctx context.Context, t *Transaction) error

// Stage is a moment of a transaction.
type Stage int

// The stages, each after what it is named for was said, and before it is
// answered.
const (
	OnMail Stage = iota
	OnData
	stages
)

// Policy is the checks of each stage, in order.
type Policy struct {
	checks [stages][]Check
	log    *slog.Logger
}

// NewPolicy puts the checks together that cfg asks for.
func NewPolicy(cfg Config, r *dns.Resolver, ours Ours, log *slog.Logger) Policy {
	p := Policy{log: log}
	if cfg.SenderDomain {
		p.checks[OnMail] = append(p.checks[OnMail], senderDomain(r))
	}
	if cfg.SPF || cfg.DKIM || cfg.DMARC || cfg.ARC {
		p.checks[OnData] = append(p.checks[OnData], newAuthenticator(cfg, r).check)
	}
	if cfg.Reports {
		p.checks[OnData] = append(p.checks[OnData], reports{cfg.BATV, ours, r, log}.check)
	}
	return p
}

// Run runs the checks of a stage. Its error is a mail.Reply, or nil.
func (p Policy) Run(ctx context.Context, s Stage, t *Transaction) error {
	for _, c := range p.checks[s] {
		err := patiently(ctx, c, t)
		var refusal mail.Reply
		if errors.As(err, &refusal) {
			return refusal
		}
		if err != nil {
			p.log.Warn("a check failed and was passed over", "peer", t.Remote.String(), "error", err)
		}
	}
	return nil
}

// patiently runs one check.
func patiently(ctx context.Context, c Check, t *Transaction) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c(ctx, t)
}
