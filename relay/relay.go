// Package relay carries mail to other hosts.
//
// It decides where the mail of a domain goes (a route of the configuration, the
// MX records, the domain itself), which of the hosts found may be connected to,
// what encryption is needed, signs what is ours with DKIM, and gives each
// recipient the outcome of one attempt. It keeps nothing but idle connections:
// when to try again, and what a failure means to the sender, is the queue's to
// know.
//
// RFCs: 5321 §5 (choosing hosts), 7505 (null MX), 3207 and 7435 (opportunistic
// TLS), 7672 (DANE), 8461 (MTA-STS), 8689 (REQUIRETLS), 6376 and 8463 (DKIM).
// Notable divergences: an address that is loopback,
// private or our own is never connected to unless the configuration says so,
// whatever the DNS says; a message is tried at the next host when one breaks
// off before taking it, but not when one answers 4yz to it.
package relay

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"posthorn/internal/dns"
	"posthorn/mail"
	"posthorn/relay/mtasts"
	"posthorn/relay/tlsrpt"
	"posthorn/store"
)

// Keys gives the DKIM keys of a domain; none for a domain that is not ours.
type Keys func(ctx context.Context, domain string) ([]store.DKIMKey, error)

// Relay delivers to other hosts. It is safe for use by many goroutines.
type Relay struct {
	cfg       Config
	hostname  string
	dns       *dns.Resolver
	keys      *keyring // nil: nothing is signed
	log       *slog.Logger
	idle      *idle
	unchunked *unchunked
	routes    []Route                   // normal
	sts       *mtasts.Cache             // nil: nobody remembers policies, and none is asked for
	results   *tlsrpt.Counter           // nil: as sts
	roots     map[string]*x509.CertPool // by CAFile
	ours      map[netip.Addr]bool       // addresses of this host
	backups   Backups                   // nil: none
	callouts  *callouts
	outer     outer
	from      sources
}

// Memory is what a relay remembers beyond a restart; the store is one.
type Memory interface {
	mtasts.Memory
	Backups
	tlsrpt.Memory
}

// New makes a relay that calls itself hostname. Without a memory it knows nothing
// of MTA-STS and is nobody's backup. Close ends its connections.
func New(cfg Config, hostname string, r *dns.Resolver, keys Keys, memory Memory, log *slog.Logger) (*Relay, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	relay := &Relay{
		cfg: cfg, hostname: hostname, dns: r, keys: newKeyring(keys), log: log,
		idle: newIdle(time.Duration(cfg.Idle)), unchunked: newUnchunked(),
		roots: make(map[string]*x509.CertPool),
		ours:  ownAddresses(),

		callouts: newCallouts(),
		from:     sources{v4: cfg.SourceIPv4, v6: cfg.SourceIPv6},
	}
	if !cfg.DKIM {
		relay.keys = nil
	}
	if err := relay.addRoots(cfg.CAFile); err != nil {
		return nil, err
	}
	for _, route := range cfg.Routes {
		if err := relay.addRoots(route.CAFile); err != nil {
			return nil, err
		}
		relay.routes = append(relay.routes, route.normal())
	}
	if memory != nil {
		relay.backups = memory
		web := mtasts.Fetcher{Addresses: relay.webAddresses, Roots: relay.roots[cfg.CAFile], Port: cfg.WebPort}
		relay.results = tlsrpt.New(memory, log)
		relay.sts = &mtasts.Cache{DNS: r, Memory: memory, Fetch: web.Fetch, Log: log}
	}
	return relay, nil
}

// Run does what a relay does by itself, until ctx is done: it fetches the policies
// of other domains anew before they expire, and writes down how TLS works.
func (r *Relay) Run(ctx context.Context) {
	if r.sts == nil {
		return
	}
	var all sync.WaitGroup
	all.Go(func() { r.sts.Run(ctx) })
	all.Go(func() { r.results.Run(ctx) })
	all.Wait()
}

// rootsFor are the authorities to trust; nil: the system's.
func (r *Relay) rootsFor(route Route) *x509.CertPool {
	if route.CAFile != "" {
		return r.roots[route.CAFile]
	}
	return r.roots[r.cfg.CAFile]
}

func (r *Relay) addRoots(file string) error {
	if file == "" || r.roots[file] != nil {
		return nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("ca_file: %s holds no certificate", file)
	}
	r.roots[file] = pool
	return nil
}

// ownAddresses are those of the interfaces; outer has those that are not there.
func ownAddresses() map[netip.Addr]bool {
	own := make(map[netip.Addr]bool)
	addrs, _ := interfaceAddresses() // without them, names alone are judged
	for _, a := range addrs {
		own[a] = true
	}
	return own
}

// Close ends the idle connections and writes down what has been counted.
func (r *Relay) Close() {
	r.idle.close()
	if r.results != nil {
		r.results.Close()
	}
}

// hop is where an attempt goes: by a route to a smarthost or folder, or to a
// domain.
type hop struct {
	name   string       // the destination deliveries are grouped by
	domain string       // the recipients' domain, ASCII and lower case
	route  Route        // Via is "mx" when none fitted
	backup store.Domain // of those this host keeps mail for; else zero

	// What the message asks of the connection (RFC 8689).
	requireTLS  bool // REQUIRETLS: a server that proves who it is, and passes the wish on
	tlsOptional bool // "TLS-Required: No": whoever answers, whatever the domain asks for
}

// key is what sessions are shared by: the place, and what was asked of them. A
// session made with less asked is never used for mail that asks for more.
func (h hop) key() string {
	switch {
	case h.requireTLS:
		return h.name + " with REQUIRETLS"
	case h.tlsOptional:
		return h.name + " with TLS-Required: No"
	}
	return h.name
}

// hop finds the route of mail from one address to another.
func (r *Relay) hop(from, to mail.Path) hop {
	domain := asciiDomain(to.Domain)
	sender := normalSender(from)
	route := Route{Via: viaMX}
	for _, candidate := range r.routes {
		if candidate.fits(sender, domain) {
			route = candidate
			break
		}
	}
	return hop{name: route.name(domain), domain: domain, route: route}
}

func asciiDomain(domain string) string {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if ascii, err := dns.ToASCII(domain); err == nil {
		return ascii
	}
	return domain // it will not be found in the DNS
}

// Destination names where mail from one address to another goes: the
// recipient's domain, or the smarthost of its route. Deliveries with the same
// destination use the same hosts, logins and settings.
func (r *Relay) Destination(from, to mail.Path) string { return r.hop(from, to).name }

// Deliver makes one attempt for each of to, which a caller groups by
// destination, and gives one status each, in order. The routes are looked up
// again, so that a changed configuration holds for mail already waiting.
func (r *Relay) Deliver(ctx context.Context, dest string, m *mail.Mail, to []mail.Recipient) []mail.Status {
	statuses := make([]mail.Status, len(to))
	groups := make(map[string][]int)
	for i, rcpt := range to {
		name := r.Destination(m.From, rcpt.Path)
		groups[name] = append(groups[name], i)
	}
	for _, at := range groups {
		part := make([]mail.Recipient, len(at))
		for j, i := range at {
			part[j] = to[i]
		}
		for j, s := range r.deliver(ctx, r.hop(m.From, part[0].Path), m, part) {
			statuses[at[j]] = s
		}
	}
	return statuses
}

func (r *Relay) deliver(ctx context.Context, h hop, m *mail.Mail, to []mail.Recipient) []mail.Status {
	ready, err := r.prepare(ctx, m)
	if err == nil {
		h.backup, err = r.backup(ctx, to[0].Path.Domain)
	}
	if err != nil {
		r.log.Warn("message cannot be sent", "queue_id", m.QueueID, "from", m.From.String(), "error", err)
		reply, _ := mail.ReplyTo(err)
		return same(to, mail.Status{Reply: reply})
	}
	if dir, ok := strings.CutPrefix(h.route.Via, filePrefix); ok {
		return same(to, r.sink(dir, ready, to))
	}
	// RFC 8689 §5: a report is not lost because nobody on its way can promise this.
	h.requireTLS = m.RequireTLS && !m.From.IsNull()
	h.tlsOptional = ready.asIs.wish.optional && !m.RequireTLS
	a := attempt{Relay: r, hop: h, ready: ready, to: to, statuses: make([]mail.Status, len(to))}
	return a.run(ctx)
}

func same(to []mail.Recipient, s mail.Status) []mail.Status {
	statuses := make([]mail.Status, len(to))
	for i := range statuses {
		statuses[i] = s
	}
	return statuses
}
