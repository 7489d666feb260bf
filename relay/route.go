package relay

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"posthorn/mail"
)

// Route is one [[route]]: how the mail of a sender or to a domain goes out. The
// first that fits counts; mail that none fits goes by the DNS.
type Route struct {
	// Domain is a recipient's domain, ".example.org" for all below it, or "*". It
	// may be left out where Sender is given.
	Domain string `toml:"domain"`
	// Sender is the return path's domain, ".example.org" for all below it, an
	// address, or "<>" for mail that has none, as reports; "" is any.
	Sender string `toml:"sender"`
	// Via is "mx" for the DNS, "host:port" for a smarthost (port 465 means TLS
	// from the first octet), or "file:DIR" for a folder that each message is
	// written into.
	Via string `toml:"via"`
	// Fallback are further smarthosts, tried in order where the one before does
	// not answer or takes no mail now.
	Fallback []string `toml:"fallback"`
	// Login and the first line of PasswordFile are what a smarthost asks for.
	Login        string `toml:"login"`
	PasswordFile string `toml:"password_file"`
	// TLS is "opportunistic" (when offered, whoever answers), "required" (the
	// certificate must be the host's), or "none". The default at a smarthost is
	// required with a login, opportunistic without; by the DNS it is what the domain
	// asks for (DANE, MTA-STS), and opportunistic where it asks for nothing.
	TLS string `toml:"tls"`
	// SourceIPv4 and SourceIPv6 are as those of Config; "" is what stands there.
	SourceIPv4 string `toml:"source_ipv4"`
	SourceIPv6 string `toml:"source_ipv6"`
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

func (r Route) check() error {
	switch {
	case r.Domain == "" && r.Sender == "":
		return errors.New(`domain is missing ("*" means all)`)
	case r.Via == "":
		return errors.New(`via is missing: "mx", "host:port" or "file:DIR"`)
	case r.Login != "" && r.PasswordFile == "":
		return errors.New("login needs password_file")
	case r.Login != "" && r.policy() != tlsRequired:
		return errors.New(`login needs tls = "required": a password is not sent to whoever answers`)
	case r.Login != "" && !r.smarthost():
		return errors.New(`login: there is none at via = "mx" or a folder`)
	case len(r.Fallback) > 0 && !r.smarthost():
		return errors.New(`fallback: via must be a smarthost, "host:port", too`)
	}
	if strings.Contains(r.Sender, "@") {
		if _, err := mail.ParsePath(r.Sender); err != nil {
			return fmt.Errorf("sender: %q is not an address", r.Sender)
		}
	}
	switch r.TLS {
	case "", tlsOpportunistic, tlsRequired, tlsNone:
	default:
		return fmt.Errorf(`tls: %q is not "opportunistic", "required" or "none"`, r.TLS)
	}
	if r.smarthost() && !isHostPort(r.Via) {
		return fmt.Errorf(`via: %q is not "mx", "host:port" or "file:DIR"`, r.Via)
	}
	if err := checkSources("", r.SourceIPv4, r.SourceIPv6); err != nil {
		return err
	}
	for _, f := range r.Fallback {
		if !isHostPort(f) {
			return fmt.Errorf(`fallback: %q is not "host:port"`, f)
		}
	}
	return nil
}

func isHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	return err == nil && host != "" && port != ""
}

func (r Route) policy() string {
	if r.TLS != "" {
		return r.TLS
	}
	return r.usualPolicy()
}

// level is policy for a connection.
func (r Route) level() level {
	switch r.policy() {
	case tlsRequired:
		return verify
	case tlsNone:
		return plain
	}
	return may
}

// fixed tells whether the configuration says all about TLS, and what a domain asks
// for does not count.
func (r Route) fixed() bool { return r.smarthost() || r.TLS != "" }

func (r Route) usualPolicy() string {
	if r.Login != "" {
		return tlsRequired
	}
	return tlsOpportunistic
}

// name is what deliveries to domain over the route are grouped by, and
// connections shared. All that makes a connection another one is in it: one
// login's are not another's.
func (r Route) name(domain string) string {
	name := domain
	if r.Via != viaMX {
		name = strings.Join(append([]string{r.Via}, r.Fallback...), ", ")
	}
	if r.Login != "" {
		name = r.Login + " at " + name
	}
	var with []string
	if r.policy() != r.usualPolicy() || r.fixed() && !r.smarthost() {
		with = append(with, "TLS "+r.policy())
	}
	if r.CAFile != "" {
		with = append(with, r.CAFile)
	}
	for _, source := range []string{r.SourceIPv4, r.SourceIPv6} {
		if source != "" {
			with = append(with, "source "+source)
		}
	}
	if len(with) > 0 {
		name += " with " + strings.Join(with, " and ")
	}
	return name
}

func (r Route) smarthost() bool {
	return r.Via != viaMX && !strings.HasPrefix(r.Via, filePrefix)
}

// normal is r with its patterns in the form in which they are compared.
func (r Route) normal() Route {
	r.Domain = normalPattern(r.Domain)
	if p, err := mail.ParsePath(r.Sender); err == nil && strings.Contains(r.Sender, "@") {
		r.Sender = normalSender(p).String()
	} else {
		r.Sender = normalPattern(r.Sender)
	}
	return r
}

func normalPattern(pattern string) string {
	if below, ok := strings.CutPrefix(pattern, "."); ok {
		return "." + asciiDomain(below)
	}
	return asciiDomain(pattern)
}

func normalSender(p mail.Path) mail.Path {
	return mail.Path{Local: strings.ToLower(p.Local), Domain: asciiDomain(p.Domain)}
}

// fits tells whether the route, which is normal, is for mail from sender to
// domain, which are too.
func (r Route) fits(sender mail.Path, domain string) bool {
	return fitsDomain(r.Domain, domain) && r.fitsSender(sender)
}

func (r Route) fitsSender(p mail.Path) bool {
	switch {
	case r.Sender == "<>":
		return p.IsNull()
	case strings.Contains(r.Sender, "@"):
		return r.Sender == p.String()
	case r.Sender == "":
		return true
	}
	return p.Domain != "" && fitsDomain(r.Sender, p.Domain)
}

func fitsDomain(pattern, domain string) bool {
	return pattern == "" || pattern == "*" || pattern == domain || pattern[0] == '.' && strings.HasSuffix(domain, pattern)
}
