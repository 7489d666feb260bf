// Package sign verifies and makes signatures over header fields: what DKIM (RFC
// 6376, 8301, 8463) and ARC (RFC 8617) have in common, as far as go-msgauth does
// not offer it. It verifies the DKIM signature of a header section that came
// back without its body, validates ARC chains, and seals.
//
// It is pure: keys are asked of a function. What it reads is bounded; any octets
// may be given.
package sign

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"posthorn/message"
)

// Lookup finds the key of a selector at a domain.
type Lookup func(domain, selector string) (Key, error)

// Signature is a DKIM-Signature or ARC-Message-Signature field.
type Signature struct {
	Tags
	Domain, Selector string // in small letters
	field            message.Field
	fields           []string // h=, in small letters
	header, body     canon
	signature        []byte
}

// maxSigned is how many names h= may have.
const maxSigned = 500

// ParseSignature reads a field.
func ParseSignature(f message.Field) (*Signature, error) {
	t, err := ParseTags(f.Value())
	if err != nil {
		return nil, err
	}
	s := &Signature{Tags: t, field: f, Domain: strings.ToLower(t["d"]), Selector: strings.ToLower(t["s"])}
	if s.Domain == "" || s.Selector == "" {
		return nil, errors.New("the signature names no key")
	}
	for name := range strings.SplitSeq(squeeze(t["h"]), ":") {
		if len(s.fields) == maxSigned {
			return nil, errors.New("the signature names too many fields")
		}
		s.fields = append(s.fields, strings.ToLower(name))
	}
	if !s.Signs("From") {
		return nil, errors.New("the signature does not sign From") // RFC 6376 §5.4
	}
	if s.signature, err = base64.StdEncoding.DecodeString(squeeze(t["b"])); err != nil {
		return nil, errors.New("the signature is not base64")
	}
	var ok bool
	if s.header, s.body, ok = parseCanon(t["c"]); !ok {
		return nil, errors.New("the canonical form is not known")
	}
	return s, nil
}

// Signs tells whether a field's name is in h=.
func (s *Signature) Signs(name string) bool {
	for _, f := range s.fields {
		if strings.EqualFold(f, name) {
			return true
		}
	}
	return false
}

// Made is when the signature says it was made; zero when it does not.
func (s *Signature) Made() time.Time {
	n, err := strconv.ParseInt(s.Tags["t"], 10, 64)
	if err != nil || n <= 0 {
		return time.Time{}
	}
	return time.Unix(n, 0)
}

// VerifyHeader checks the signature over the fields of h. Without the body this
// proves that who holds the key signed this header, with the body whose hash is
// in it.
func (s *Signature) VerifyHeader(h message.Header, lookup Lookup) error {
	if _, partial := s.Tags["l"]; partial {
		return errors.New("the signature covers a part of the body only")
	}
	key, err := lookup(s.Domain, s.Selector)
	if err != nil {
		return fmt.Errorf("key %.64q of %.64q: %w", s.Selector, s.Domain, err)
	}
	return key.verify(s.Tags["a"], s.data(h), s.signature)
}

// data is what is signed (RFC 6376 §3.7): the fields that h= names, each name
// taking the lowest that is left, then the field of the signature, without it.
func (s *Signature) data(h message.Header) []byte {
	byName := map[string][]message.Field{}
	for _, f := range h.Fields() {
		name := strings.ToLower(f.Name)
		byName[name] = append(byName[name], f)
	}
	var out []byte
	for _, name := range s.fields {
		left := byName[name]
		if len(left) == 0 {
			continue // signed not to be there
		}
		out = append(out, s.header.field(left[len(left)-1].Raw)...)
		byName[name] = left[:len(left)-1]
	}
	return append(out, unsigned(s.header, s.field)...)
}

// unsigned is the canonical form of a field without the value of its b= tag and
// without its line end.
func unsigned(form canon, f message.Field) []byte {
	colon := bytes.IndexByte(f.Raw, ':') + 1
	out := bytes.Clone(f.Raw[:colon])
	for i, part := range bytes.Split(f.Raw[colon:], []byte(";")) {
		if i > 0 {
			out = append(out, ';')
		}
		if name, _, ok := bytes.Cut(part, []byte("=")); ok && string(bytes.Trim(name, space)) == "b" {
			part = part[:len(name)+1]
		}
		out = append(out, part...)
	}
	return bytes.TrimSuffix(form.field(append(bytes.TrimRight(out, "\r\n"), '\r', '\n')), []byte("\r\n"))
}
