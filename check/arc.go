package check

import (
	"context"
	"errors"
	"fmt"

	"github.com/emersion/go-msgauth/authres"

	"posthorn/internal/dns"
	"posthorn/mail"
	"posthorn/message"
	"posthorn/message/sign"
)

// arcFinding is the state of a message's ARC chain. It is recorded, and sealed
// again by us when the message goes on; it excuses nothing: whoever seals may lie
// about what it found.
type arcFinding struct {
	result authres.ResultValue // "" where there is no chain
	domain string              // who sealed last
	reason string
}

// checkARC validates the chain. Its error is a failure to read the content.
func checkARC(ctx context.Context, r *dns.Resolver, content mail.Content, h message.Header) (arcFinding, error) {
	if !h.Has("ARC-Seal") && !h.Has("ARC-Message-Signature") && !h.Has("ARC-Authentication-Results") || headerSize(h) > maxSignedHeader {
		return arcFinding{}, nil
	}
	body, err := content.Open()
	if err != nil {
		return arcFinding{}, fmt.Errorf("validate ARC: %w", err)
	}
	defer body.Close()
	chain, err := sign.Validate(h, body, func(domain, selector string) (sign.Key, error) { return lookupKey(ctx, r, domain, selector) })
	switch {
	case errors.Is(err, sign.ErrNoAnswer):
		return arcFinding{result: authres.ResultTempError}, nil
	case err != nil:
		return arcFinding{}, fmt.Errorf("validate ARC: %w", err)
	}
	f := arcFinding{result: authres.ResultValue(chain.Status), domain: ascii(chain.Sealer), reason: chain.Reason}
	return f, nil
}

func headerSize(h message.Header) (octets int) {
	for _, f := range h.Fields() {
		octets += len(f.Raw)
	}
	return octets
}

// lookupKey asks the DNS for a key. Where that does not answer, the error is
// sign.ErrNoAnswer.
func lookupKey(ctx context.Context, r *dns.Resolver, domain, selector string) (sign.Key, error) {
	name, err := dns.ToASCII(selector + "._domainkey." + domain)
	if err != nil {
		return sign.Key{}, err
	}
	txt, err := r.LookupTXT(ctx, name)
	switch {
	case err != nil && isTemporary(err):
		return sign.Key{}, fmt.Errorf("%w: %w", sign.ErrNoAnswer, err)
	case err != nil:
		return sign.Key{}, err
	case len(txt) != 1:
		return sign.Key{}, errors.New("there are several keys")
	}
	return sign.ParseKey(txt[0])
}

// result is a GenericResult: go-msgauth's for ARC has no room for the sealer.
func (f arcFinding) record() authres.Result {
	params := map[string]string{}
	if f.domain != "" {
		params["header.d"] = plain(f.domain)
	}
	if f.reason != "" {
		params["reason"] = plain(f.reason)
	}
	return &authres.GenericResult{Method: "arc", Value: f.result, Params: params}
}
