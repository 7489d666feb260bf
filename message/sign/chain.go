package sign

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"posthorn/message"
)

// An ARC chain (RFC 8617) is what forwarders say they found, set upon set: each
// adds what it saw (ARC-Authentication-Results), a signature of the message as it
// left (ARC-Message-Signature), and a seal over all sets so far (ARC-Seal).

// The states of a chain (§4.4).
const (
	ChainNone = "none" // there is no set
	ChainPass = "pass"
	ChainFail = "fail"
)

// maxSets is how many a chain may have (§5.1.1.1).
const maxSets = 50

// Chain is what Validate finds.
type Chain struct {
	Status string // ChainNone, ChainPass or ChainFail
	Sets   int    // of a chain that passes
	Sealer string // the domain of its newest seal
	Reason string // why it failed
}

// set is one instance.
type set struct {
	results, signature, seal message.Field // by the order in which they are sealed
	tags                     Tags          // of the seal
}

func (s *set) field(name string) *message.Field {
	switch strings.ToLower(name) {
	case "arc-authentication-results":
		return &s.results
	case "arc-message-signature":
		return &s.signature
	case "arc-seal":
		return &s.seal
	}
	return nil
}

// sets reads the sets of a header, the first one first. Each must be whole, and
// none be missing (§5.2, step 3). The error says what is wrong with them.
func sets(h message.Header) ([]set, error) {
	byNumber := map[int]*set{}
	highest := 0
	for _, f := range h.Fields() {
		var none set
		if none.field(f.Name) == nil {
			continue
		}
		n, err := instance(f)
		if err != nil {
			return nil, err
		}
		if byNumber[n] == nil {
			byNumber[n] = new(set)
		}
		at := byNumber[n].field(f.Name)
		if at.Raw != nil {
			return nil, fmt.Errorf("set %d has two fields of a kind", n)
		}
		*at = f
		highest = max(highest, n)
	}
	all := make([]set, highest)
	for i := range all {
		s := byNumber[i+1]
		if s == nil || s.results.Raw == nil || s.signature.Raw == nil || s.seal.Raw == nil {
			return nil, fmt.Errorf("set %d is not whole", i+1)
		}
		var err error
		if s.tags, err = ParseTags(s.seal.Value()); err != nil {
			return nil, fmt.Errorf("seal %d: %w", i+1, err)
		}
		all[i] = *s
	}
	return all, nil
}

// instance is the i= of a field, which begins an ARC-Authentication-Results and
// stands anywhere in the others.
func instance(f message.Field) (int, error) {
	for part := range strings.SplitSeq(f.Value(), ";") {
		name, value, _ := strings.Cut(part, "=")
		if strings.Trim(name, space) != "i" {
			continue
		}
		n, err := strconv.Atoi(strings.Trim(value, space))
		if err != nil || n < 1 || n > maxSets {
			break
		}
		return n, nil
	}
	return 0, fmt.Errorf("%s has no number from 1 to %d", f.Name, maxSets)
}

// Validate finds the state of the chain of a message with the header h, which r
// gives from its start. Each key is looked up once. The error is r's, or
// lookup's where errors.Is(err, ErrNoAnswer): then nothing can be said.
func Validate(h message.Header, r io.Reader, lookup Lookup) (Chain, error) {
	all, err := sets(h)
	if err != nil {
		return Chain{Status: ChainFail, Reason: err.Error()}, nil
	}
	if len(all) == 0 {
		return Chain{Status: ChainNone}, nil
	}
	c := Chain{Status: ChainPass, Sets: len(all), Sealer: strings.ToLower(all[len(all)-1].tags["d"])}
	err = validate(all, h, r, once(lookup))
	var broken unreadable
	switch {
	case errors.Is(err, ErrNoAnswer), errors.As(err, &broken):
		return Chain{}, err
	case err != nil:
		return Chain{Status: ChainFail, Sealer: c.Sealer, Reason: err.Error()}, nil
	}
	return c, nil
}

// ErrNoAnswer marks a lookup that may work later.
var ErrNoAnswer = errors.New("no answer")

// unreadable is an error of the message's reader.
type unreadable struct{ error }

// Unwrap is the reader's error.
func (u unreadable) Unwrap() error { return u.error }

// once remembers what was found, or not.
func once(lookup Lookup) Lookup {
	type answer struct {
		Key
		error
	}
	known := map[[2]string]answer{}
	return func(domain, selector string) (Key, error) {
		name := [2]string{strings.ToLower(domain), strings.ToLower(selector)}
		a, ok := known[name]
		if !ok {
			a.Key, a.error = lookup(name[0], name[1])
			known[name] = a
		}
		return a.Key, a.error
	}
}

// validate is §5.2 from step 2 on: what the seals say of themselves, the newest
// signature of the message, then each seal, the newest first.
func validate(all []set, h message.Header, r io.Reader, lookup Lookup) error {
	for i, s := range all {
		want := ChainPass
		if i == 0 {
			want = ChainNone
		}
		if cv := s.tags["cv"]; !strings.EqualFold(cv, want) {
			return fmt.Errorf("seal %d says that the chain was %.10q before it", i+1, cv)
		}
		if _, ok := s.tags["h"]; ok {
			return fmt.Errorf("seal %d has h=", i+1)
		}
	}
	newest := len(all) - 1
	signature, err := ParseSignature(all[newest].signature)
	if err != nil {
		return fmt.Errorf("signature %d: %w", newest+1, err)
	}
	if signature.Signs("ARC-Seal") { // §4.1.2
		return fmt.Errorf("signature %d signs a seal", newest+1)
	}
	if err := signature.VerifyHeader(h, lookup); err != nil {
		return fmt.Errorf("signature %d: %w", newest+1, err)
	}
	if err := signature.verifyBody(h, r); err != nil {
		return err
	}
	for i := newest; i >= 0; i-- {
		if err := verifySeal(all[:i+1], lookup); err != nil {
			return fmt.Errorf("seal %d: %w", i+1, err)
		}
	}
	return nil
}

// verifyBody compares bh= with the body of the message that r gives.
func (s *Signature) verifyBody(h message.Header, r io.Reader) error {
	octets := int64(0)
	for _, f := range h.Fields() {
		octets += int64(len(f.Raw))
	}
	if _, err := io.CopyN(io.Discard, r, octets); err != nil && err != io.EOF {
		return unreadable{err}
	}
	hash := sha256.New()
	b := newBody(hash, s.body)
	start := &afterEmptyLine{w: b}
	if _, err := io.Copy(start, r); err != nil {
		return unreadable{err}
	}
	b.Close() // of a hash: it does not fail
	if got := base64.StdEncoding.EncodeToString(hash.Sum(nil)); got != squeeze(s.Tags["bh"]) {
		return errors.New("the body was changed")
	}
	return nil
}

// afterEmptyLine drops the line end between header section and body.
type afterEmptyLine struct {
	w    io.Writer
	past bool
	cr   bool
}

func (a *afterEmptyLine) Write(p []byte) (int, error) {
	n := len(p)
	for !a.past && len(p) > 0 {
		if p[0] == '\r' && !a.cr {
			a.cr, p = true, p[1:]
			continue
		}
		if p[0] == '\n' {
			p = p[1:]
		}
		a.past = true
	}
	if _, err := a.w.Write(p); err != nil {
		return 0, err
	}
	return n, nil
}

// verifySeal verifies the newest of sets (§5.1.1).
func verifySeal(upTo []set, lookup Lookup) error {
	t := upTo[len(upTo)-1].tags
	signature, err := base64.StdEncoding.DecodeString(squeeze(t["b"]))
	if err != nil || t["d"] == "" || t["s"] == "" {
		return errors.New("it is malformed")
	}
	key, err := lookup(t["d"], t["s"])
	if err != nil {
		return err
	}
	return key.verify(t["a"], sealed(upTo), signature)
}

// sealed is what a seal covers: all sets in order, in relaxed form, the newest
// seal without its signature.
func sealed(all []set) []byte {
	var out []byte
	for i, s := range all {
		out = append(out, relaxed.field(s.results.Raw)...)
		out = append(out, relaxed.field(s.signature.Raw)...)
		if i < len(all)-1 {
			out = append(out, relaxed.field(s.seal.Raw)...)
		}
	}
	return append(out, unsigned(relaxed, all[len(all)-1].seal)...)
}
