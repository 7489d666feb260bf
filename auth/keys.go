package auth

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"fmt"

	"github.com/xdg-go/stringprep"
)

// iterations is RFC 5802's count for keys that are made from now on. The
// client does the work, on a phone perhaps; RFC 7677 §4 wants 4,096 at least.
const iterations = 15_000

// pair are the two keys that a server keeps of a password (RFC 5802 §3). Who
// has them cannot log in with them, but can try passwords, and can pretend to
// be this server.
type pair struct {
	stored [sha256.Size]byte // H(ClientKey)
	server [sha256.Size]byte
}

const pairLength = 2 * sha256.Size

// newPair makes the keys of a password in the form that the client gives it.
func newPair(password string, salt []byte, count int) (k pair, err error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, count, sha256.Size)
	if err != nil {
		return k, fmt.Errorf("derive keys: %w", err)
	}
	client := sign(salted, "Client Key")
	k.stored = sha256.Sum256(client[:])
	k.server = sign(salted, "Server Key")
	return k, nil
}

func sign(key []byte, text string) (mac [sha256.Size]byte) {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	h.Sum(mac[:0])
	return mac
}

// pack is the form in which the store keeps pairs.
func pack(pairs ...pair) (b []byte) {
	for _, k := range pairs {
		b = append(append(b, k.stored[:]...), k.server[:]...)
	}
	return b
}

// unpack reads what pack wrote.
func unpack(b []byte) (pairs []pair, err error) {
	if len(b)%pairLength != 0 {
		return nil, fmt.Errorf("stored keys have %d octets", len(b))
	}
	for ; len(b) > 0; b = b[pairLength:] {
		var k pair
		copy(k.stored[:], b)
		copy(k.server[:], b[sha256.Size:])
		pairs = append(pairs, k)
	}
	return pairs, nil
}

// prepared is the form of a password in SCRAM (RFC 5802 §2.2, RFC 4013), which
// clients make without asking us; ok is false for what has none.
func prepared(password string) (s string, ok bool) {
	s, err := stringprep.SASLprep.Prepare(password)
	return s, err == nil && s != ""
}
