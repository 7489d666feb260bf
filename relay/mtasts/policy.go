// Package mtasts finds out what a domain asks of those who send it mail, by SMTP
// MTA Strict Transport Security (RFC 8461), and remembers it.
//
// A policy is announced in the DNS, fetched over HTTPS, and kept in the store for
// as long as it says, so that nobody who comes between later can make it
// disappear. What it means for a connection is the relay's to know.
package mtasts

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Mode says what becomes of mail when a server does not fit the policy (RFC 8461
// §5).
type Mode string

// The modes.
const (
	Enforce Mode = "enforce" // it is not delivered there
	Testing Mode = "testing" // it is, and the failure is counted
	None    Mode = "none"    // there is no policy any more
)

// MaxAge is the longest that a policy may be kept (RFC 8461 §3.2).
const MaxAge = 31557600 * time.Second

// Policy is what a domain publishes (RFC 8461 §3.2).
type Policy struct {
	Mode   Mode
	MX     []string // host names in lower case; "*." stands for one label
	MaxAge time.Duration
}

// ErrInvalid is a policy that does not parse.
var ErrInvalid = errors.New("the policy is not valid")

// Parse reads the file of a policy. Unknown fields are passed over; of fields
// that come twice the first counts, but for mx.
func Parse(text string) (Policy, error) {
	fields := make(map[string]string)
	var p Policy
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if strings.Trim(line, " \t") == "" {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			return Policy{}, fmt.Errorf("%w: a line without a colon", ErrInvalid)
		}
		key, value = strings.Trim(key, " \t"), strings.Trim(value, " \t")
		if key == "mx" {
			value = strings.ToLower(value)
			if !validPattern(value) {
				return Policy{}, fmt.Errorf("%w: mx: %q is no host name", ErrInvalid, value)
			}
			p.MX = append(p.MX, value)
			continue
		}
		if _, twice := fields[key]; !twice {
			fields[key] = value
		}
	}
	p.Mode = Mode(fields["mode"])
	age, err := strconv.ParseUint(fields["max_age"], 10, 40)
	switch {
	case fields["version"] != "STSv1":
		return Policy{}, fmt.Errorf("%w: version is not STSv1", ErrInvalid)
	case p.Mode != Enforce && p.Mode != Testing && p.Mode != None:
		return Policy{}, fmt.Errorf("%w: mode is not enforce, testing or none", ErrInvalid)
	case err != nil || len(fields["max_age"]) > 10:
		return Policy{}, fmt.Errorf("%w: max_age is no number of seconds", ErrInvalid)
	case len(p.MX) == 0 && p.Mode != None:
		return Policy{}, fmt.Errorf("%w: it names no mx", ErrInvalid)
	}
	p.MaxAge = time.Duration(min(age, uint64(MaxAge/time.Second))) * time.Second
	return p, nil
}

// validPattern takes host names of the DNS, and one star as the first label.
func validPattern(s string) bool {
	s = strings.TrimPrefix(s, "*.")
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := 0; i < len(label); i++ {
			if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// Names tells whether the policy names a mail server (RFC 8461 §4.1).
func (p Policy) Names(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, mx := range p.MX {
		if mx == host {
			return true
		}
		if rest, ok := strings.CutPrefix(mx, "*."); ok {
			if label, below, cut := strings.Cut(host, "."); cut && label != "" && below == rest {
				return true
			}
		}
	}
	return false
}

// Record reads the TXT records at _mta-sts (RFC 8461 §3.1) and gives the id of
// the policy; false when the domain announces none: there must be exactly one
// record, and it must be well formed.
func Record(texts []string) (id string, ok bool) {
	found := ""
	for _, t := range texts {
		version, _, _ := strings.Cut(t, ";")
		if strings.TrimRight(version, " \t") != "v=STSv1" {
			continue
		}
		if found != "" {
			return "", false
		}
		found = t
	}
	_, fields, _ := strings.Cut(found, ";")
	for field := range strings.SplitSeq(fields, ";") {
		key, value, _ := strings.Cut(strings.Trim(field, " \t"), "=")
		if key == "id" && id == "" {
			id = value
		}
	}
	return id, validID(id)
}

func validID(id string) bool {
	if id == "" || len(id) > 32 {
		return false
	}
	for i := 0; i < len(id); i++ {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}
