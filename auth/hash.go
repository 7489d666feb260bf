package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// How passwords are hashed: OWASP's second choice for argon2id, about 20 ms.
const (
	memory     = 19 << 10 // KiB
	passes     = 2
	lanes      = 1
	saltLength = 16
	keyLength  = 32

	maxHashing = 2 // at a time in this process
)

// maxMemory bounds what a stored hash may ask for, in KiB.
const maxMemory = 1 << 20

var b64 = base64.RawStdEncoding

// Hash makes the string that the store keeps for a password, argon2id in the
// PHC format: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
func Hash(password string) (string, error) {
	salt := make([]byte, saltLength)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("make salt: %w", err)
	}
	key := argon2.IDKey([]byte(normal(password)), salt, passes, memory, lanes, keyLength)
	return encode(salt, key), nil
}

func encode(salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, memory, passes, lanes, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// normal is the form in which passwords are hashed (RFC 8265 §4.2.2): the same
// word typed on another system may come in another normal form.
func normal(password string) string { return norm.NFC.String(password) }

// decoy is a hash that no password has, as costly as any.
func decoy() string {
	random := make([]byte, saltLength+keyLength)
	rand.Read(random) // never fails (crypto/rand)
	return encode(random[:saltLength], random[saltLength:])
}

// phc is a parsed hash.
type phc struct {
	memory, passes uint32
	lanes          uint8
	salt, key      []byte
}

func parsePHC(s string) (p phc, err error) {
	f := strings.Split(s, "$")
	var version int
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" {
		return p, fmt.Errorf("stored password is not argon2id")
	}
	if _, err := fmt.Sscanf(f[2], "v=%d", &version); err != nil || version != argon2.Version {
		return p, fmt.Errorf("stored password has argon2 version %q", f[2])
	}
	if _, err := fmt.Sscanf(f[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.lanes); err != nil {
		return p, fmt.Errorf("stored password has parameters %q", f[3])
	}
	if p.memory > maxMemory || p.passes < 1 || p.passes > 100 || p.lanes < 1 {
		return p, fmt.Errorf("stored password asks for %q", f[3])
	}
	if p.salt, err = b64.DecodeString(f[4]); err == nil {
		p.key, err = b64.DecodeString(f[5])
	}
	if err != nil || len(p.key) < 16 {
		return p, fmt.Errorf("stored password is damaged")
	}
	return p, nil
}

// match hashes password, which is normal, as the stored hash was made.
func match(stored, password string) (bool, error) {
	p, err := parsePHC(stored)
	if err != nil {
		return false, err
	}
	key := argon2.IDKey([]byte(password), p.salt, p.passes, p.memory, p.lanes, uint32(len(p.key)))
	return subtle.ConstantTimeCompare(key, p.key) == 1, nil
}
