// Package batv tags the return path of mail, so that a bounce which comes back to
// the tagged address is known to be about mail that went out with it: Bounce
// Address Tag Validation, the form "prvs" of draft-levine-smtp-batv.
//
//	alice@here.test  →  prvs=KDDDSSSSSS=alice@here.test
//
// K is the last digit of the key's number, DDD are the last three of the day,
// counted from 1970, on which the tag expires, and SSSSSS is the start of a MAC in
// hex over both and the address. It is compared without regard to case, as local
// parts lose theirs on some ways.
//
// Notable divergences: the MAC is of SHA-256, for nobody but its maker verifies
// it; a tag is good for eight days, not seven, because a queue that gives up
// after a week does so at its next try; keys change by themselves.
package batv

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"posthorn/mail"
)

// Errors of Untag.
var (
	ErrForm    = errors.New("not a tagged address")
	ErrMAC     = errors.New("not a tag that was made here")
	ErrExpired = errors.New("a tag that has expired")
)

const (
	scheme = "prvs="
	// A tag is a digit for the key, three for the day, and six of MAC.
	keyAt, dayAt, macAt, tagLength = 0, 1, 4, 10

	validity = 8 // days
	// maxSkew in days is how far a clock may have been ahead of ours.
	maxSkew = 1
	// keyDays is for how many days a key makes tags. A key that came into foreign
	// hands is worth nothing after that.
	keyDays = 90
	days    = 1000 // three digits
	// maxLocal octets of a local part are what every host takes (RFC 5321
	// §4.5.3.1.1). A sender that would be longer goes without a tag.
	maxLocal = 64
)

// Tagger tags and verifies. Key gives the secret key of a number; each is used
// for three months, and numbers grow.
type Tagger struct {
	Key func(number int64) ([]byte, error)
}

// Is tells whether p has the form of a tagged address.
func Is(p mail.Path) bool {
	_, _, ok := split(p)
	return ok
}

// split takes the tag off.
func split(p mail.Path) (tag string, plain mail.Path, ok bool) {
	n := len(scheme) + tagLength
	if len(p.Local) < n+2 || !strings.EqualFold(p.Local[:len(scheme)], scheme) || p.Local[n] != '=' {
		return "", p, false
	}
	tag = p.Local[len(scheme):n]
	for i, c := range []byte(tag) {
		digit, letter := c >= '0' && c <= '9', c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
		if !digit && (i < macAt || !letter) {
			return "", p, false
		}
	}
	return tag, mail.Path{Local: p.Local[n+1:], Domain: p.Domain}, true
}

// Fits tells whether p is an address that is tagged: one that has a tag or would
// be too long with one is not.
func Fits(p mail.Path) bool {
	return p.Domain != "" && !Is(p) && len(scheme)+tagLength+1+len(p.Local) <= maxLocal
}

// Tag gives the return path with which mail of p leaves now: p itself where that
// does not fit.
func (t Tagger) Tag(p mail.Path, now time.Time) (mail.Path, error) {
	if !Fits(p) {
		return p, nil
	}
	made := day(now)
	signed := fmt.Sprintf("%d%03d", made/keyDays%10, (made+validity)%days)
	mac, err := t.mac(made/keyDays, signed, p)
	if err != nil {
		return p, err
	}
	return mail.Path{Local: scheme + signed + mac + "=" + p.Local, Domain: p.Domain}, nil
}

// Untag gives the address without its tag, whatever that is worth, and with
// ErrForm, ErrMAC or ErrExpired why it is worth nothing. Any other error is of the
// key.
func (t Tagger) Untag(p mail.Path, now time.Time) (mail.Path, error) {
	tag, plain, ok := split(p)
	if !ok {
		return p, ErrForm
	}
	made, ok := madeOn(tag[dayAt:macAt], now)
	if !ok {
		return plain, ErrExpired
	}
	if int64(tag[keyAt]-'0') != made/keyDays%10 {
		return plain, ErrMAC
	}
	mac, err := t.mac(made/keyDays, tag[:macAt], plain)
	if err != nil {
		return plain, err
	}
	if !hmac.Equal([]byte(strings.ToLower(tag[macAt:])), []byte(mac)) {
		return plain, ErrMAC
	}
	return plain, nil
}

// madeOn is the day on which a tag was made that expires on a day with these last
// digits; false for none of the last days.
func madeOn(digits string, now time.Time) (int64, bool) {
	expires, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, false
	}
	today := day(now)
	left := ((expires-today)%days + days) % days
	return today + left - validity, left <= validity+maxSkew
}

func day(t time.Time) int64 { return t.Unix() / 86400 }

func (t Tagger) mac(number int64, signed string, p mail.Path) (string, error) {
	key, err := t.Key(number)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed + p.Key().String()))
	return hex.EncodeToString(mac.Sum(nil))[:tagLength-macAt], nil
}
