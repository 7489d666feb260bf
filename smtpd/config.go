package smtpd

import (
	"net/netip"
	"time"

	"posthorn/internal/serve"
	"posthorn/smtpd/front"
)

// Role says which server this is.
type Role int

const (
	MX Role = iota
	Submission
	LMTP // RFC 2033
)

// Config is what an operator may set in [smtp] and, for Submission, in
// [submission].
type Config struct {
	Listen    string `toml:"listen"`     // STARTTLS is offered; "" for none
	ListenTLS string `toml:"listen_tls"` // implicit TLS; "" for none

	MaxSize       serve.Size     `toml:"max_size"`       // of a message, inclusive; 0 for no limit
	MaxRecipients int            `toml:"max_recipients"` // of a transaction, at least 100 (RFC 5321 §4.5.3.1.8)
	IdleTimeout   serve.Duration `toml:"idle_timeout"`   // for a command, or a pause within content (§4.5.3.2: 5m)
	GreetPause    serve.Duration `toml:"greet_pause"`    // how long the greeting waits for clients that talk too early
	Proxies       []netip.Prefix `toml:"proxies"`        // peers that must send a PROXY header
	Exempt        []netip.Prefix `toml:"exempt"`         // peers whose errors and unknown recipients are not counted
}

// DefaultConfig is an MX that nobody configured.
func DefaultConfig() Config {
	return Config{
		Listen:        ":25",
		MaxSize:       50 << 20,
		MaxRecipients: 1000,
		IdleTimeout:   serve.Duration(front.DefaultLimits().Idle),
		GreetPause:    serve.Duration(front.DefaultLimits().GreetPause),
	}
}

// DefaultSubmissionConfig is a submission server that nobody configured.
func DefaultSubmissionConfig() Config {
	c := DefaultConfig()
	c.Listen, c.ListenTLS = ":587", ":465"
	c.GreetPause = 0
	return c
}

// LMTPConfig is what an operator may set in [lmtp]: for mail that another server
// on this machine has taken in and judged.
type LMTPConfig struct {
	Listen        string         `toml:"listen"` // a loopback address, or the path of a socket; "" for none
	MaxSize       serve.Size     `toml:"max_size"`
	MaxRecipients int            `toml:"max_recipients"`
	IdleTimeout   serve.Duration `toml:"idle_timeout"`
}

// DefaultLMTPConfig is an LMTP server that nobody configured.
func DefaultLMTPConfig() LMTPConfig {
	c := DefaultConfig()
	return LMTPConfig{MaxSize: c.MaxSize, MaxRecipients: c.MaxRecipients, IdleTimeout: c.IdleTimeout}
}

// Config is that of the server.
func (c LMTPConfig) Config() Config {
	return Config{Listen: c.Listen, MaxSize: c.MaxSize, MaxRecipients: c.MaxRecipients, IdleTimeout: c.IdleTimeout}
}

// Limits that are not the operator's.
const (
	minRecipients = 100 // RFC 5321 §4.5.3.1.8: less MUST NOT be configured
	drainTime     = 30 * time.Second
	maxHops       = 100     // Received fields (RFC 5321 §6.3)
	maxHeader     = 1 << 20 // octets of a header section
)
