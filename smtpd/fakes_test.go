package smtpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"sync"

	"github.com/emersion/go-sasl"

	"posthorn/auth"
	"posthorn/mail"
)

// testQueue keeps what it accepts.
type testQueue struct {
	mu      sync.Mutex
	mails   []accepted
	refused []string // sender, recipient, Message-ID and reply
}

type accepted struct {
	mail.Mail
	whole string
}

func (q *testQueue) Accept(_ context.Context, m *mail.Mail) error {
	if m.From.Local == "broken" {
		return errors.New("no such table: deliveries")
	}
	r, err := m.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	whole, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if int64(len(whole)) != m.FullSize() {
		return fmt.Errorf("%d octets, but the size says %d", len(whole), m.FullSize())
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mails = append(q.mails, accepted{*m, string(whole)})
	return nil
}

func (q *testQueue) Refused(_ context.Context, m *mail.Mail, _ netip.Addr, messageID string, refused []mail.Refusal) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range refused {
		q.refused = append(q.refused, fmt.Sprintf("%s -> %s (%s) %s", m.From, r.To, messageID, r.Reply))
	}
}

func (q *testQueue) all() []accepted {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]accepted(nil), q.mails...)
}

var changing = []struct {
	*regexp.Regexp
	fixed string
}{
	{regexp.MustCompile(`[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}`), "DATE"},
	{regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{13}\b`), "ID"},
}

// String shows envelope and octets of each mail, without what changes from run
// to run, with LF line ends.
func (q *testQueue) String() string {
	var b strings.Builder
	for _, m := range q.all() {
		fmt.Fprintf(&b, "FROM <%s>", m.From)
		for _, r := range m.To {
			fmt.Fprintf(&b, " TO <%s>", r.Path)
			if r.ORCPT != "" || r.Notify != 0 {
				fmt.Fprintf(&b, " ORCPT=%s NOTIFY=%d", r.ORCPT, r.Notify)
			}
		}
		if m.ID != "" || m.Return != 0 {
			fmt.Fprintf(&b, " ENVID=%s RET=%d", m.ID, m.Return)
		}
		if m.RequireTLS {
			b.WriteString(" REQUIRETLS")
		}
		fmt.Fprintf(&b, " LOGIN=%s PROVEN=%t PEER=%s\n%s", m.Origin.Login, m.Origin.Proven, m.Origin.Peer, strings.ReplaceAll(m.whole, "\r\n", "\n"))
	}
	s := b.String()
	for _, c := range changing {
		s = c.ReplaceAllString(s, c.fixed)
	}
	return s
}

// testRecipients knows example.org.
type testRecipients struct {
	mu       sync.Mutex
	reserved int
}

func (r *testRecipients) kept() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reserved
}

func (*testRecipients) Local(_ context.Context, domain string) (bool, error) {
	if domain == "broken.example" {
		return false, errors.New("database is locked")
	}
	return domain == "" || strings.EqualFold(domain, "example.org"), nil
}

// Untag takes "good=" and, off what is no bounce, "bad=" off.
func (*testRecipients) Untag(_ context.Context, from, p mail.Path) (mail.Path, bool, error) {
	how, local, ok := strings.Cut(p.Local, "=")
	if ok && how == "bad" && from.IsNull() {
		return p, false, mail.BadReturnPath.With(p)
	}
	if ok {
		p.Local = local
	}
	return p, ok && how == "good", nil
}

func (r *testRecipients) Verify(_ context.Context, _ mail.Path, to mail.Recipient, size int64) (func(), error) {
	switch l := to.Path.Key().Local; {
	case l == "off":
		return nil, mail.MailboxDisabled.With(to.Path)
	case l == "full", l == "small" && size > 1000:
		return nil, mail.MailboxFull.With(to.Path)
	case l != "alice" && l != "bob" && l != "postmaster" && l != "small" && l != "jürgen" && !strings.HasPrefix(l, "user"):
		return nil, mail.NoSuchMailbox.With(to.Path)
	}
	r.add(1)
	return sync.OnceFunc(func() { r.add(-1) }), nil
}

func (r *testRecipients) add(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reserved += n
}

// testAuth lets alice@example.org in with "secret".
type testAuth struct{}

func (testAuth) Mechanisms(p auth.Peer) []string {
	if !p.TLS {
		return nil
	}
	return []string{sasl.Plain}
}

func (testAuth) Server(_ context.Context, mech string, _ auth.Peer, done func(auth.Identity)) (sasl.Server, error) {
	if mech != sasl.Plain {
		return nil, auth.ErrMechanism
	}
	return sasl.NewPlainServer(func(_, login, password string) error {
		switch {
		case login == "down":
			return errors.New("database is locked")
		case login == "guesser":
			return auth.ErrThrottled
		case login == "revoked@example.org":
		case login != "alice@example.org" || password != "secret":
			return auth.ErrCredentials
		}
		done(auth.Identity{Account: 1, Login: login})
		return nil
	}), nil
}

func (testAuth) Still(_ context.Context, id *auth.Identity) error {
	if id.Login == "revoked@example.org" {
		return auth.ErrCredentials
	}
	return nil
}

func (testAuth) Owns(_ context.Context, _ auth.Identity, p mail.Path) (bool, error) {
	if p.Domain == "broken.example" {
		return false, errors.New("database is locked")
	}
	return p.Key().String() == "alice@example.org", nil
}

// atMost allows an account so many recipients at a time; its rooms count them.
type atMost struct {
	testRecipients
	most int
}

func (a *atMost) Allow(_ context.Context, login string) (func(), error) {
	if a.kept() == a.most {
		return nil, mail.SendingRate.With(login, "9 minutes")
	}
	a.add(1)
	return sync.OnceFunc(func() { a.add(-1) }), nil
}
