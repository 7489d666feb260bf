package check

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-msgauth/authres"
	"github.com/emersion/go-msgauth/dkim"

	"posthorn/internal/dns"
	"posthorn/mail"
	"posthorn/message"
)

const (
	maxSignatures = 8
	// A larger header is not verified: the library holds it several times.
	maxSignedHeader = 1 << 20
)

// dkimFinding is one signature.
type dkimFinding struct {
	result authres.ResultValue
	domain string // d=, in small letters; "" where it is no domain
	reason string
}

// checkDKIM verifies the signatures of a message, the first maxSignatures of
// them. Its error is a failure to read the content.
func checkDKIM(ctx context.Context, r *dns.Resolver, content mail.Content, h message.Header) ([]dkimFinding, error) {
	if !h.Has("DKIM-Signature") || headerSize(h) > maxSignedHeader {
		return nil, nil
	}
	body, err := content.Open()
	if err != nil {
		return nil, fmt.Errorf("verify DKIM: %w", err)
	}
	defer body.Close()
	all, err := dkim.VerifyWithOptions(body, &dkim.VerifyOptions{
		MaxVerifications: maxSignatures,
		LookupTXT: func(name string) ([]string, error) {
			txt, err := r.LookupTXT(ctx, name)
			if err != nil && isTemporary(err) {
				return nil, unanswered{err}
			}
			return txt, err
		},
	})
	var found []dkimFinding
	for _, v := range all {
		found = append(found, finding(v))
	}
	if err != nil && !errors.Is(err, dkim.ErrTooManySignatures) {
		// The library gives up at a line that is no header field.
		return []dkimFinding{{result: authres.ResultPermError, reason: "the header is malformed"}}, nil
	}
	return found, nil
}

// unanswered is the form in which the library knows a temporary failure.
type unanswered struct{ error }

func (unanswered) Timeout() bool   { return true }
func (unanswered) Temporary() bool { return true }

// finding puts a verification into the words of RFC 8601 §2.7.1.
func finding(v *dkim.Verification) dkimFinding {
	f := dkimFinding{result: authres.ResultPass, domain: strings.ToLower(strings.TrimSuffix(v.Domain, "."))}
	if ascii(f.domain) != f.domain {
		f.domain = ""
	}
	switch {
	case v.Err == nil:
		return f
	case dkim.IsTempFail(v.Err):
		f.result = authres.ResultTempError
	case dkim.IsPermFail(v.Err):
		f.result = authres.ResultPermError
	default:
		f.result = authres.ResultFail
	}
	f.reason = strings.TrimPrefix(v.Err.Error(), "dkim: ")
	return f
}
