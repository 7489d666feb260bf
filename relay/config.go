package relay

import (
	"errors"
	"fmt"
	"time"

	"posthorn/internal/serve"
	"posthorn/relay/client"
)

// Config is [relay] and the [[route]] tables.
type Config struct {
	// Port is where other hosts' mail servers listen; test networks have
	// another than 25.
	Port int `toml:"port"`
	// AllowPrivate delivers to loopback and private addresses too when the DNS
	// names them: for test networks and hosts behind a VPN.
	AllowPrivate bool `toml:"allow_private"`
	// ConnectTimeout bounds the making of one connection.
	ConnectTimeout serve.Duration `toml:"connect_timeout"`
	// Idle is how long a connection waits for more mail to the same place.
	Idle serve.Duration `toml:"idle"`
	// Chunking sends content with BDAT where that is offered (RFC 3030).
	Chunking bool `toml:"chunking"`
	// CAFile holds the certificates to trust instead of the system's, in PEM, where
	// no route names others: for networks with an authority of their own.
	CAFile string `toml:"ca_file"`
	// SourceIPv4 and SourceIPv6 are the addresses of this host that connections come
	// from; "" leaves it to the system, "none" does without the family.
	SourceIPv4 string `toml:"source_ipv4"`
	SourceIPv6 string `toml:"source_ipv6"`
	// BackupKeep is how long mail for a backup domain is kept that says nothing
	// itself.
	BackupKeep serve.Duration `toml:"backup_keep"`
	// BackupUnverified is what becomes of a recipient of a backup domain that
	// nobody knows while its own host does not answer: "defer" or "accept".
	BackupUnverified string `toml:"backup_unverified"`
	// DKIM signs what our own users and this host write.
	DKIM bool `toml:"dkim"`

	Routes   []Route         `toml:"-"`
	Timeouts client.Timeouts `toml:"-"`
	WebPort  int             `toml:"-"` // of MTA-STS's web servers; 0: 443, but in tests
}

// DefaultConfig is what an empty [relay] means.
func DefaultConfig() Config {
	return Config{
		Port:           25,
		ConnectTimeout: serve.Duration(30 * time.Second),
		Idle:           serve.Duration(5 * time.Second),
		BackupKeep:     serve.Duration(30 * 24 * time.Hour),
		Chunking:       true,
		DKIM:           true,
		Timeouts:       client.DefaultTimeouts,

		BackupUnverified: unverifiedDefer,
	}
}

// Check tells what is wrong with a configuration.
func (c Config) Check() error {
	if c.Port < 1 || c.Port > 65535 {
		return fmt.Errorf("relay.port: %d is no port", c.Port)
	}
	if c.BackupKeep <= 0 {
		return errors.New("relay.backup_keep: must be more than nothing")
	}
	if u := c.BackupUnverified; u != unverifiedDefer && u != unverifiedAccept {
		return fmt.Errorf(`relay.backup_unverified: %q is not "defer" or "accept"`, u)
	}
	if err := checkSources("relay.", c.SourceIPv4, c.SourceIPv6); err != nil {
		return err
	}
	first := make(map[string]Route)
	for i, r := range c.Routes {
		if err := r.check(); err != nil {
			return fmt.Errorf("route %d: %w", i+1, err)
		}
		other, twice := first[r.name("")]
		if twice && r.PasswordFile != other.PasswordFile {
			return fmt.Errorf("route %d: password_file: %s is in an earlier route with another", i+1, r.name(""))
		}
		first[r.name("")] = r
	}
	return nil
}
