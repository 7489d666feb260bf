package imapd

import (
	"net/netip"
	"slices"
	"time"

	"posthorn/imapd/wire"
	"posthorn/internal/serve"
)

// Config is what an operator may set in [imap].
type Config struct {
	Listen    string `toml:"listen"`     // STARTTLS, port 143; "" for none
	ListenTLS string `toml:"listen_tls"` // implicit TLS, port 993; "" for none

	PlaintextFrom []netip.Prefix `toml:"plaintext_from"` // who may log in without TLS

	ConnectionsPerAccount int            `toml:"connections_per_account"` // 0 for any number
	AppendLimit           serve.Size     `toml:"append_limit"`            // largest message a client may put (RFC 7889)
	MessageLimit          int            `toml:"message_limit"`           // messages one command works on (RFC 9738); 0 for any number
	IdleTimeout           serve.Duration `toml:"idle_timeout"`            // of a session that says nothing; RFC 9051 §5.4 wants 30m at least
}

// DefaultConfig is the configuration of a server nobody configured.
func DefaultConfig() Config {
	return Config{
		Listen:                ":143",
		ListenTLS:             ":993",
		ConnectionsPerAccount: 100,
		AppendLimit:           64 << 20,
		IdleTimeout:           serve.Duration(35 * time.Minute),
	}
}

// trusts says whether passwords are taken in the clear from an address.
func (c *Config) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(c.PlaintextFrom, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

// Every limit that is not the operator's, in one place.
const (
	loginTime     = 3 * time.Minute  // from the greeting to a login
	readTime      = 5 * time.Minute  // for each read within a command
	writeTime     = 5 * time.Minute  // for each write of at most writeBuffer octets
	keepAlive     = 2 * time.Minute  // between two signs of life to an idling client
	progressTime  = 5 * time.Second  // between two signs of a command that takes long
	drainTime     = 15 * time.Second // for the running command when the server stops
	strangerFault = 10               // commands answered BAD or NO before a login, then BYE

	notifyBoxes = 5000 // mailboxes that NOTIFY watches for one session

	readBuffer  = 4 << 10
	writeBuffer = 32 << 10
)

// A legal ID command takes 30 × (30 + 1,024) octets: strangerLimits let it
// pass (RFC 2971 §3.3).
var strangerLimits = wire.Limits{Line: 40 << 10, Literal: 40 << 10, Discard: 128 << 10, Depth: 50}

func memberLimits(appendLimit int64) wire.Limits {
	return wire.Limits{Line: 64 << 10, Literal: 128 << 10, Discard: max(appendLimit, 1<<20), Depth: 50}
}
