package relay

import (
	"context"
	"crypto/rsa"
	"errors"
	"strings"
	"time"

	"posthorn/message"
	"posthorn/message/sign"
)

// sealedFields are what an ARC seal of ours covers: what the reader sees, and
// the signatures it came with (RFC 8617 §4.1.2).
var sealedFields = append([]string{"DKIM-Signature"}, signedFields...)

// sealer gives what adds a set to the ARC chain of mail that an address of ours
// sends on (RFC 8617 §5.1): what was found when it came, sealed with the key of
// that address's domain. It is nil for mail that is not sent on, that was not
// judged when it came, or whose domain has no key.
func (r *Relay) sealer(ctx context.Context, f *form) (*sign.Sealer, error) {
	by := f.mail.Origin.Forwarder
	if by.IsNull() || isOurs(f.mail) {
		return nil, nil
	}
	header, err := readHeader(f)
	if err != nil {
		return nil, err
	}
	results, state := r.findings(header)
	if results == "" {
		return nil, nil
	}
	keys, err := r.keys.of(ctx, by.Domain)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	k := keyForAll(keys)
	return sign.NewSealer(sign.Seal{
		Domain: k.domain, Selector: k.selector, Key: k.private,
		Results: results, Chain: state, Fields: sealedFields, Time: time.Now(),
	}), nil
}

// keyForAll is an RSA key where there is one: a set has one signature, and not
// all receivers know Ed25519.
func keyForAll(keys []signingKey) signingKey {
	for _, k := range keys {
		if _, ok := k.private.(*rsa.PrivateKey); ok {
			return k
		}
	}
	return keys[0]
}

// findings are what our checks have written on top of a message when it came: the
// value of Authentication-Results, and the state of its ARC chain in it. What
// stands below the first Received field was there before us.
func (r *Relay) findings(h message.Header) (results, state string) {
	for _, f := range h.Fields() {
		if strings.EqualFold(f.Name, "Received") {
			return "", ""
		}
		if !strings.EqualFold(f.Name, "Authentication-Results") {
			continue
		}
		id, _, _ := strings.Cut(f.Value(), ";")
		if !strings.EqualFold(strings.TrimSpace(id), r.hostname) {
			continue
		}
		results = strings.TrimSpace(string(f.Raw[len(f.Name)+1:]))
		return results, chainState(results)
	}
	return "", ""
}

// chainState reads the result for ARC, which stands at the start of a line: what
// strangers wrote never does. A chain of which nothing is known cannot be sealed.
func chainState(results string) string {
	for line := range strings.SplitSeq(results, "\r\n") {
		if state, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), "arc="); ok {
			state, _, _ = strings.Cut(state, " ")
			return strings.TrimSuffix(state, ";")
		}
	}
	return sign.ChainNone
}

// seal gives the set, to stand on top of the message, or nothing where the chain
// has no room for it.
func (s *signers) seal() ([]byte, error) {
	set, err := s.sealer.Set()
	if errors.Is(err, sign.ErrNotSealed) {
		return nil, nil
	}
	return set, err
}
