package imapd

import (
	"net/netip"
	"slices"
	"time"

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
