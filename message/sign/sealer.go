package sign

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"

	"posthorn/message"
)

// Seal is what a new set of an ARC chain says.
type Seal struct {
	Domain, Selector string // in A-labels
	Key              crypto.Signer
	// Results is the value of our own Authentication-Results field.
	Results string
	// Chain is the state in which the message came: a Chain's Status.
	Chain string
	// Fields are to be signed: all that are there of each, and those that are not
	// cannot be added.
	Fields []string
	Time   time.Time
}

// Sealer makes a set for the message that is written to it.
type Sealer struct {
	seal   Seal
	header []byte // up to the end of the header section
	inBody bool
	body   *body
	hash   hash.Hash
}

// NewSealer makes one.
func NewSealer(s Seal) *Sealer {
	sealer := &Sealer{seal: s, hash: sha256.New()}
	sealer.body = newBody(sealer.hash, relaxed)
	return sealer
}

// ErrNotSealed: the message can have no further set, or none of ours.
var ErrNotSealed = errors.New("the message cannot be sealed")

// maxSealedHeader bounds the header section that is held in memory, in octets.
const maxSealedHeader = 1 << 20

// Write takes in the message. It does not fail.
func (s *Sealer) Write(p []byte) (int, error) {
	n := len(p)
	if !s.inBody {
		from := max(0, len(s.header)-3)
		s.header = append(s.header, p...)
		end := bytes.Index(s.header[from:], []byte("\r\n\r\n"))
		if end < 0 {
			if len(s.header) > maxSealedHeader {
				s.header = s.header[:maxSealedHeader+1]
			}
			return n, nil
		}
		end += from + 2
		p = bytes.Clone(s.header[end+2:])
		s.header, s.inBody = s.header[:end:end], true
	}
	s.body.Write(p) // into a hash
	return n, nil
}

// Set gives the three fields, to stand on top of the message. ErrNotSealed: it
// has as many sets as it may, or its chain was broken and said to be before.
func (s *Sealer) Set() ([]byte, error) {
	if len(s.header) > maxSealedHeader || !s.inBody {
		return nil, fmt.Errorf("header section: %w", ErrNotSealed)
	}
	h := message.ParseHeader(s.header)
	before, err := sets(h)
	state := s.seal.Chain
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrNotSealed, err)
	case len(before) == maxSets:
		return nil, fmt.Errorf("%d sets: %w", len(before), ErrNotSealed)
	case len(before) > 0 && strings.EqualFold(before[len(before)-1].tags["cv"], ChainFail):
		return nil, fmt.Errorf("a broken chain: %w", ErrNotSealed)
	case (state == ChainNone) != (len(before) == 0):
		return nil, fmt.Errorf("the chain is not as it came: %w", ErrNotSealed)
	}
	n := len(before) + 1
	var made set
	made.results = field("ARC-Authentication-Results", fmt.Sprintf("i=%d; %s", n, strings.TrimSpace(s.seal.Results)))
	if made.signature, err = s.signature(h, n); err != nil {
		return nil, err
	}
	made.seal = field("ARC-Seal", fmt.Sprintf("i=%d; a=%s; cv=%s; d=%s; s=%s; t=%d;\r\n\tb=", n, s.algorithm(), state, s.seal.Domain, s.seal.Selector, s.seal.Time.Unix()))
	all := append(before, made)
	if state == ChainFail {
		all = all[n-1:] // §5.1.2: what is broken is not vouched for
	}
	if made.seal, err = s.sign(made.seal, sealed(all)); err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{made.seal.Raw, made.signature.Raw, made.results.Raw}, nil), nil
}

// signature is the set's ARC-Message-Signature (§4.1.2).
func (s *Sealer) signature(h message.Header, n int) (message.Field, error) {
	s.body.Close() // of a hash: it does not fail
	var names []string
	for _, name := range s.seal.Fields {
		for range h.All(name) {
			names = append(names, strings.ToLower(name))
		}
		names = append(names, strings.ToLower(name)) // no other can be added
	}
	var list strings.Builder
	for i, name := range names {
		switch {
		case i > 0 && i%6 == 0:
			list.WriteString(":\r\n\t ")
		case i > 0:
			list.WriteByte(':')
		}
		list.WriteString(name)
	}
	f := field("ARC-Message-Signature", fmt.Sprintf("i=%d; a=%s; c=relaxed/relaxed; d=%s; s=%s; t=%d;\r\n\th=%s;\r\n\tbh=%s;\r\n\tb=",
		n, s.algorithm(), s.seal.Domain, s.seal.Selector, s.seal.Time.Unix(), list.String(), base64.StdEncoding.EncodeToString(s.hash.Sum(nil))))
	signing := &Signature{field: f, fields: names, header: relaxed}
	return s.sign(f, signing.data(h))
}

// field is one with its line end.
func field(name, value string) message.Field {
	return message.Field{Name: name, Raw: []byte(name + ": " + value + "\r\n")}
}

func (s *Sealer) algorithm() string {
	if _, ok := s.seal.Key.(ed25519.PrivateKey); ok {
		return "ed25519-sha256"
	}
	return "rsa-sha256"
}

// sign puts the signature over data behind the last "b=" of f.
func (s *Sealer) sign(f message.Field, data []byte) (message.Field, error) {
	sum := sha256.Sum256(data)
	var how crypto.SignerOpts = crypto.SHA256
	if _, ok := s.seal.Key.(ed25519.PrivateKey); ok {
		how = crypto.Hash(0) // RFC 8463 §3: the hash is the message
	}
	signature, err := s.seal.Key.Sign(rand.Reader, sum[:], how)
	if err != nil {
		return f, fmt.Errorf("seal for %s: %w", s.seal.Domain, err)
	}
	b := bytes.TrimSuffix(f.Raw, []byte("\r\n"))
	text := base64.StdEncoding.EncodeToString(signature)
	for len(text) > 72 {
		b = append(b, text[:72]+"\r\n\t "...)
		text = text[72:]
	}
	f.Raw = append(b, text+"\r\n"...)
	return f, nil
}
