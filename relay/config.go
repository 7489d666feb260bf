package relay

import (
	"errors"
	"fmt"
	"net"
	"strings"
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
	// DKIM signs what our own users and this host write.
	DKIM bool `toml:"dkim"`

	Routes   []Route         `toml:"-"`
	Timeouts client.Timeouts `toml:"-"`
}

// DefaultConfig is what an empty [relay] means.
func DefaultConfig() Config {
	return Config{
		Port:           25,
		ConnectTimeout: serve.Duration(30 * time.Second),
		Idle:           serve.Duration(5 * time.Second),
		DKIM:           true,
		Timeouts:       client.DefaultTimeouts,
	}
}

// Route is one [[route]]: how the mail of a domain goes out. The first that
// fits counts; mail that none fits goes by the DNS.
type Route struct {
	// Domain is a recipient's domain, ".example.org" for all below it, or "*".
	Domain string `toml:"domain"`
	// Via is "mx" for the DNS, "host:port" for a smarthost (port 465 means TLS
	// from the first octet), or "file:DIR" for a folder that each message is
	// written into.
	Via string `toml:"via"`
	// Login and the first line of PasswordFile are what a smarthost asks for.
	Login        string `toml:"login"`
	PasswordFile string `toml:"password_file"`
	// TLS is "opportunistic" (when offered, whoever answers), "required" (the
	// certificate must be the host's), or "none". The default is required with a
	// login, opportunistic without.
	TLS string `toml:"tls"`
	// CAFile holds the certificates to trust instead of the system's, in PEM.
	CAFile string `toml:"ca_file"`
}

// The values of Route.TLS.
const (
	tlsOpportunistic = "opportunistic"
	tlsRequired      = "required"
	tlsNone          = "none"
)

const (
	viaMX      = "mx"
	filePrefix = "file:"
)

// Check tells what is wrong with a configuration.
func (c Config) Check() error {
	if c.Port < 1 || c.Port > 65535 {
		return fmt.Errorf("relay.port: %d is no port", c.Port)
	}
	first := make(map[string]Route)
	for i, r := range c.Routes {
		if err := r.check(); err != nil {
			return fmt.Errorf("route %d: %w", i+1, err)
		}
		other, twice := first[r.name()]
		if twice && r.Via != viaMX && (r.policy() != other.policy() || r.CAFile != other.CAFile || r.PasswordFile != other.PasswordFile) {
			return fmt.Errorf("route %d: via: %s is in an earlier route with another tls, ca_file or password_file", i+1, r.Via)
		}
		first[r.name()] = r
	}
	return nil
}

func (r Route) check() error {
	switch {
	case r.Domain == "":
		return errors.New(`domain is missing ("*" means all)`)
	case r.Via == "":
		return errors.New(`via is missing: "mx", "host:port" or "file:DIR"`)
	case r.Login != "" && r.PasswordFile == "":
		return errors.New("login needs password_file")
	case r.Login != "" && r.policy() != tlsRequired:
		return errors.New(`login needs tls = "required": a password is not sent to whoever answers`)
	}
	switch r.TLS {
	case "", tlsOpportunistic, tlsRequired, tlsNone:
	default:
		return fmt.Errorf(`tls: %q is not "opportunistic", "required" or "none"`, r.TLS)
	}
	if r.smarthost() {
		if host, port, err := net.SplitHostPort(r.Via); err != nil || host == "" || port == "" {
			return fmt.Errorf(`via: %q is not "mx", "host:port" or "file:DIR"`, r.Via)
		}
	}
	return nil
}

func (r Route) policy() string {
	switch {
	case r.TLS != "":
		return r.TLS
	case r.Login != "":
		return tlsRequired
	}
	return tlsOpportunistic
}

// name is what deliveries over the route are grouped by, and connections shared:
// one login's are not another's.
func (r Route) name() string {
	if r.Login == "" {
		return r.Via
	}
	return r.Login + " at " + r.Via
}

func (r Route) smarthost() bool {
	return r.Via != viaMX && !strings.HasPrefix(r.Via, filePrefix)
}

// fits tells whether the route is for domain, which is in lower case.
func (r Route) fits(domain string) bool {
	pattern := strings.ToLower(r.Domain)
	return pattern == "*" || pattern == domain || pattern[0] == '.' && strings.HasSuffix(domain, pattern)
}
