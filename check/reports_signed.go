package check

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/message"
	"posthorn/message/sign"
	"posthorn/store"
)

// A DKIM signature of ours on the header that came back proves as much as the
// sent log, and more where that does not know: the mail went out long ago by a
// program of ours, or through a provider that signs with a key in our DNS.

// signatureAge is for how long a signature proves that the mail was sent: as
// long as the sent log does. Who kept an old mail of ours cannot use it for ever.
const signatureAge = 30 * 24 * time.Hour

// signed tells whether the header has a valid signature of a domain of ours over
// a From that is one of owners'.
func (r reports) signed(ctx context.Context, header message.Header, owners map[store.AccountID]bool) (bool, error) {
	from := message.ParseAddresses(header.Get("From"))
	if len(from) != 1 || len(header.All("From")) != 1 {
		return false, nil
	}
	authors, err := r.owners(ctx, mail.Path{Local: from[0].Mailbox, Domain: from[0].Host})
	if err != nil || !meet(authors, owners) {
		return false, err
	}
	tried := 0
	for _, f := range header.Fields() {
		if !strings.EqualFold(f.Name, "DKIM-Signature") || tried == maxSignatures {
			continue
		}
		tried++
		s, err := sign.ParseSignature(f)
		if err != nil || !aligned(s.Domain, ascii(from[0].Host), false) || !s.Signs("Message-ID") {
			continue
		}
		if made := s.Made(); made.IsZero() || time.Since(made) > signatureAge {
			continue
		}
		err = s.VerifyHeader(header, func(domain, selector string) (sign.Key, error) { return r.key(ctx, domain, selector) })
		if err == nil {
			return true, nil
		}
		if errors.Is(err, sign.ErrNoAnswer) {
			return false, err // it may be ours: not held against it
		}
	}
	return false, nil
}

func meet(a, b map[store.AccountID]bool) bool {
	for id := range a {
		if b[id] {
			return true
		}
	}
	return false
}

// key is one of ours, whatever the DNS says by now; else what the DNS says of a
// domain that is.
func (r reports) key(ctx context.Context, domain, selector string) (sign.Key, error) {
	keys, err := r.ours.DKIMKeys(ctx, domain)
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrInvalid) {
		return sign.Key{}, fmt.Errorf("%w: %w", sign.ErrNoAnswer, err)
	}
	for _, k := range keys {
		if strings.EqualFold(k.Selector, selector) {
			return sign.PublicKey(k.Private)
		}
	}
	return lookupKey(ctx, r.dns, domain, selector)
}
