package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"time"

	"posthorn/store"
)

// An app password has 16 characters, 80 random bits, of an alphabet that nobody
// misreads. It is shown as four groups, and may be typed with any spaces and
// dashes and in any case. Being random, it needs no slow hash: its SCRAM keys
// are all that is kept of it (docs/adr/0006).
const (
	appAlphabet = "abcdefghijkmnpqrstuvwxyz23456789"
	appLength   = 16
	appGroup    = 4
)

// newAppPassword gives one as it is shown.
func newAppPassword() string {
	b := make([]byte, appLength)
	rand.Read(b) // never fails (crypto/rand)
	for i := range b {
		b[i] = appAlphabet[int(b[i])%len(appAlphabet)] // 256 is a multiple of 32
	}
	return grouped(string(b), "-")
}

func grouped(bare, separator string) string {
	var groups []string
	for g := range slices.Chunk([]byte(bare), appGroup) {
		groups = append(groups, string(g))
	}
	return strings.Join(groups, separator)
}

// bareApp is a password without what people put between its groups; ok is
// false when it cannot be an app password.
func bareApp(password string) (bare string, ok bool) {
	bare = strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(password))
	return bare, len(bare) == appLength && strings.Trim(bare, appAlphabet) == ""
}

// appKeys makes the keys of an app password in each form in which a SCRAM
// client may have it: there the client alone knows what was typed. PLAIN needs
// the first.
func appKeys(password string, k store.SCRAM) ([]byte, error) {
	bare, ok := bareApp(password)
	if !ok {
		return nil, fmt.Errorf("not an app password")
	}
	var pairs []pair
	for _, form := range []string{bare, grouped(bare, "-"), grouped(bare, " ")} {
		p, err := newPair(form, k.Salt, k.Iterations)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, p)
	}
	return pack(pairs...), nil
}

// appForms is how many keys each app password has.
const appForms = 3

// Protocols are those that an app password may be limited to.
var Protocols = []string{"imap", "pop3", "smtp"}

// protocolNames are those of Peer.Protocol that app passwords know by another
// name.
var protocolNames = map[string]string{"submission": "smtp"}

// The ways in which a right app password is none.
var (
	errAppExpired  = fmt.Errorf("%w: the app password has expired", ErrCredentials)
	errAppProtocol = fmt.Errorf("%w: the app password is for other protocols", ErrCredentials)
)

// usable tells whether an app password counts now for a peer.
func usable(app *store.AppPassword, p Peer, now time.Time) error {
	protocol := p.Protocol
	if name, ok := protocolNames[protocol]; ok {
		protocol = name
	}
	switch {
	case expired(app, now):
		return errAppExpired
	case len(app.Protocols) > 0 && !slices.Contains(app.Protocols, protocol):
		return errAppProtocol
	}
	return nil
}

func expired(app *store.AppPassword, now time.Time) bool {
	return !app.Expires.IsZero() && !now.Before(app.Expires)
}

// findApp gives the app password whose first key is that of k, nil for none.
// Each is compared.
func findApp(apps []store.AppPassword, k pair) (found *store.AppPassword) {
	for i := range apps {
		if keys := apps[i].Keys; len(keys) >= len(k.stored) && subtle.ConstantTimeCompare(keys[:len(k.stored)], k.stored[:]) == 1 {
			found = &apps[i]
		}
	}
	return found
}
