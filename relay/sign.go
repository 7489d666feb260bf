package relay

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

	"posthorn/message"
	"posthorn/message/sign"
)

// signedFields are those whose change would change what the reader sees (RFC
// 6376 §5.4.1). Of each, all that are there are signed; From is named once more,
// so that a second one cannot be added.
var signedFields = []string{
	"From", "Sender", "Reply-To", "Subject", "Date", "Message-ID", "To", "Cc", "In-Reply-To", "References",
	"MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-ID", "Content-Description",
	"Auto-Submitted", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Post", "List-Help",
}

// maxSignedHeader bounds the header section that is looked at, in octets.
const maxSignedHeader = 256 * 1024

// signers make one signature for each key, all in one pass: what is written to
// them is the message.
type signers struct {
	all    []*dkim.Signer
	sealer *sign.Sealer // nil for mail that gets no ARC set
}

// signers gives those for f: for mail of a login or of this host itself, with
// the keys of the domain in From, so that the signature is aligned with it (RFC
// 7489 §3.1). Mail that only passes through keeps the signatures it has.
func (r *Relay) signers(ctx context.Context, f *form) (*signers, error) {
	s := &signers{}
	if r.keys == nil {
		return s, nil
	}
	if !isOurs(f.mail) {
		var err error
		s.sealer, err = r.sealer(ctx, f)
		return s, err
	}
	header, err := readHeader(f)
	if err != nil {
		return nil, err
	}
	from := message.ParseAddresses(header.Get("From"))
	if len(from) == 0 || from[0].Host == "" {
		return s, nil
	}
	keys, err := r.keys.of(ctx, from[0].Host)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		signer, err := newSigner(k, header)
		if err != nil {
			s.abandon()
			return nil, fmt.Errorf("DKIM key %s._domainkey.%s: %w", k.selector, k.domain, err)
		}
		s.all = append(s.all, signer)
	}
	return s, nil
}

func readHeader(f *form) (message.Header, error) {
	r, err := f.open()
	if err != nil {
		return message.Header{}, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxSignedHeader))
	if err != nil {
		return message.Header{}, fmt.Errorf("read content of %s: %w", f.mail.QueueID, err)
	}
	return message.ParseHeader(b), nil
}

func newSigner(k signingKey, header message.Header) (*dkim.Signer, error) {
	fields := []string{"From"}
	for _, name := range signedFields {
		for range header.All(name) {
			fields = append(fields, name)
		}
	}
	return dkim.NewSigner(&dkim.SignOptions{
		Domain: k.domain, Selector: k.selector, Signer: k.private, HeaderKeys: fields,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
	})
}

func (s *signers) Write(p []byte) (int, error) {
	for _, signer := range s.all {
		if _, err := signer.Write(p); err != nil {
			return 0, fmt.Errorf("sign: %w", err)
		}
	}
	if s.sealer != nil {
		return s.sealer.Write(p)
	}
	return len(p), nil
}

// finish gives the signature fields, to stand on top of the message.
func (s *signers) finish() ([]byte, error) {
	if s.sealer != nil {
		return s.seal()
	}
	var b strings.Builder
	for _, signer := range s.all {
		if err := signer.Close(); err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		b.WriteString(signer.Signature())
	}
	s.all = nil
	return []byte(b.String()), nil
}

// abandon ends signers that were not finished.
func (s *signers) abandon() {
	for _, signer := range s.all {
		signer.Close()
	}
	s.all = nil
}
