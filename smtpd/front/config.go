package front

import (
	"crypto/tls"
	"log/slog"
	"net/netip"
	"time"
)

// Config is how one listener talks. It is shared by the listener's
// connections and must not be changed while they live.
type Config struct {
	Hostname string      // stands in the greeting and in the answer to EHLO
	TLS      *tls.Config // nil: STARTTLS is not offered
	Implicit bool        // TLS begins before the greeting (RFC 8314 §3.3)
	LMTP     bool        // RFC 2033: LHLO, and a reply for each recipient; the peer's errors are not counted
	Auth     bool        // AUTH may be used, over TLS only; its mechanisms come from the session
	DSN      bool        // RET, ENVID, NOTIFY and ORCPT are parameters (RFC 3461)
	// RequireTLS: within TLS, REQUIRETLS is a parameter (RFC 8689 §2).
	RequireTLS bool
	Repair     bool     // bare CR and LF in content become CRLF; otherwise they are a Fault
	MaxSize    int64    // octets of content, inclusive; 0 limits nothing (RFC 1870)
	Hide       []string // EHLO keywords that go-smtp would offer

	Proxies []netip.Prefix // peers that must begin with a PROXY header
	Exempt  []netip.Prefix // peers whose errors are not counted

	Limits
	Log *slog.Logger
}

// Limits is how patient a connection is. Zero durations and counts mean no
// limit, but for Idle, Handshake and Grace, which fall back to DefaultLimits.
type Limits struct {
	Idle       time.Duration // for one command line to arrive, for a pause in content, for a write
	Handshake  time.Duration // for TLS and for the PROXY header
	GreetPause time.Duration // how long to listen for early talkers before the greeting; 0: not at all
	Session    time.Duration // for the whole connection
	Grace      time.Duration // how long content may be slower than MinRate
	MinRate    int64         // octets of content a second

	Errors         int           // syntax errors until 421
	UnknownSlow    int           // unknown recipients until each costs Delay
	UnknownRefused int           // unknown recipients until 421
	Delay          time.Duration // what an unknown recipient costs beyond UnknownSlow
}

// DefaultLimits follows RFC 5321 §4.5.3.2 for times.
func DefaultLimits() Limits {
	return Limits{
		Idle:           5 * time.Minute,
		Handshake:      30 * time.Second,
		GreetPause:     time.Millisecond,
		Session:        6 * time.Hour,
		Grace:          30 * time.Second,
		MinRate:        500,
		Errors:         10,
		UnknownSlow:    10,
		UnknownRefused: 20,
		Delay:          time.Second,
	}
}

// Line lengths in octets, the line end included. RFC 5321 §4.5.3.1.4 asks for
// at least 512, RFC 4954 §4 for 12,288 where SASL flows. What does not end
// within maxOverlong is taken for an attack.
const (
	maxCommand  = 4096
	maxAuthLine = 12288
	maxOverlong = 64 << 10
)

// withDefaults fills in what must not be zero.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	if l.Idle <= 0 {
		l.Idle = d.Idle
	}
	if l.Handshake <= 0 {
		l.Handshake = d.Handshake
	}
	if l.Grace <= 0 {
		l.Grace = d.Grace
	}
	return l
}
