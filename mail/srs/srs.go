// Package srs rewrites the return path of mail that is forwarded, so that it
// comes from a domain of the forwarder, which SPF lets it use, and so that a
// bounce finds its way back through the forwarder to the sender: the Sender
// Rewriting Scheme, which has no RFC.
//
//	alice@far.test                     →  SRS0=HHHHHH=TT=far.test=alice@here.test
//	SRS0=hhhh=tt=far.test=alice@b.test →  SRS1=HHHHHH=b.test==hhhh=tt=far.test=alice@here.test
//
// HHHHHH is the start of a MAC in base64, TT the day in base32. Of an address
// that was rewritten before, only the first forwarder and the last are kept: a
// bounce goes from here to the first, who knows the way on. The form is that of
// libsrs2 and its kin, who cut the MAC to four characters; nobody but its maker
// verifies it. It is compared without regard to case, as local parts lose theirs
// on some ways.
package srs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"posthorn/mail"
)

// Errors of Reverse.
var (
	ErrForm    = errors.New("not a rewritten address")
	ErrHash    = errors.New("not an address that was rewritten here")
	ErrExpired = errors.New("an address that was rewritten too long ago")
)

const (
	hashLength = 6
	minHash    = 4
	// maxAge in days: a bounce comes when a queue gives up, a week later at most.
	maxAge = 21
	// maxSkew in days is how far a clock may have been ahead of ours.
	maxSkew = 1
	days    = 1024 // two digits of base32
	maxPath = 255  // octets of a local part that other hosts may take
)

// Rewriter rewrites with a key.
type Rewriter struct{ Key []byte }

// Is tells whether p has the form of a rewritten address.
func Is(p mail.Path) bool {
	_, _, ok := split(p.Local)
	return ok
}

// split takes "SRS0" or "SRS1" off, and the separator behind it: "=", "-" or "+"
// (libsrs2 lets its users choose).
func split(local string) (which byte, rest string, ok bool) {
	if len(local) < 6 || !strings.EqualFold(local[:3], "SRS") || local[3] != '0' && local[3] != '1' || strings.IndexByte("=-+", local[4]) < 0 {
		return 0, "", false
	}
	return local[3], local[5:], true
}

// Forward gives the return path with which mail of sender leaves a domain of
// ours. It is false when that would be longer than any host takes.
func (r Rewriter) Forward(sender mail.Path, domain string, now time.Time) (mail.Path, bool) {
	local := ""
	switch which, rest, ok := split(sender.Local); {
	case ok && which == '0': // of the first forwarder: its separator goes along
		local = r.second(sender.Domain, sender.Local[4:])
	case ok && which == '1' && isSecond(rest): // of another: the first one stays
		_, host, opaque, _ := splitSecond(rest)
		local = r.second(host, opaque)
	default:
		stamp := stamp(now)
		local = strings.Join([]string{"SRS0", r.hash(stamp, sender.Domain, sender.Local), stamp, sender.Domain, sender.Local}, "=")
	}
	return mail.Path{Local: local, Domain: domain}, len(local) <= maxPath
}

// splitSecond takes what follows "SRS1=" apart: hash, the first forwarder, and
// what it wrote behind "SRS0", its separator first.
func splitSecond(rest string) (hash, host, opaque string, ok bool) {
	hash, rest, _ = strings.Cut(rest, "=")
	host, opaque, _ = strings.Cut(rest, "=")
	return hash, host, opaque, host != "" && len(opaque) > 1 && strings.IndexByte("=-+", opaque[0]) >= 0
}

func isSecond(rest string) bool {
	_, _, _, ok := splitSecond(rest)
	return ok
}

func (r Rewriter) second(host, opaque string) string {
	return strings.Join([]string{"SRS1", r.hash(host, opaque), host, opaque}, "=")
}

// Reverse gives the address that a rewritten one stands for: the sender's, or
// that of the first forwarder.
func (r Rewriter) Reverse(p mail.Path, now time.Time) (mail.Path, error) {
	which, rest, ok := split(p.Local)
	if !ok {
		return mail.Path{}, ErrForm
	}
	if which == '1' {
		hash, host, opaque, ok := splitSecond(rest)
		if !ok {
			return mail.Path{}, ErrForm
		}
		if !same(hash, r.hash(host, opaque)) {
			return mail.Path{}, ErrHash
		}
		return whole("SRS0"+opaque, host)
	}
	hash, rest, _ := strings.Cut(rest, "=")
	part := strings.SplitN(rest, "=", 3)
	if len(part) != 3 {
		return mail.Path{}, ErrForm
	}
	if !same(hash, r.hash(part[0], part[1], part[2])) {
		return mail.Path{}, ErrHash
	}
	if !fresh(part[0], now) {
		return mail.Path{}, ErrExpired
	}
	return whole(part[2], part[1])
}

// whole is a path that can be mailed to.
func whole(local, domain string) (mail.Path, error) {
	p := mail.Path{Local: local, Domain: domain}
	if parsed, err := mail.ParsePath(p.String()); err != nil || parsed != p {
		return mail.Path{}, ErrForm
	}
	return p, nil
}

// hash covers the parts as they stand between separators, in small letters.
func (r Rewriter) hash(parts ...string) string {
	mac := hmac.New(sha256.New, r.Key)
	mac.Write([]byte(strings.ToLower(strings.Join(parts, "="))))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))[:hashLength]
}

// same compares without regard to case.
func same(given, want string) bool {
	return len(given) >= minHash && hmac.Equal([]byte(strings.ToLower(given)), []byte(strings.ToLower(want)))
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

func day(t time.Time) int { return int(t.Unix()/86400) % days }

func stamp(t time.Time) string {
	d := day(t)
	return string([]byte{digits[d>>5], digits[d&31]})
}

// fresh tells whether a stamp is of the last days.
func fresh(stamp string, now time.Time) bool {
	if len(stamp) != 2 {
		return false
	}
	stamp = strings.ToUpper(stamp)
	high, low := strings.IndexByte(digits, stamp[0]), strings.IndexByte(digits, stamp[1])
	if high < 0 || low < 0 {
		return false
	}
	age := (day(now) - (high<<5 | low) + days) % days
	return age <= maxAge || age >= days-maxSkew
}
