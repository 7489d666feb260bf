package smtpd

import (
	"context"
	"net/netip"

	"github.com/emersion/go-smtp"

	"posthorn/auth"
	"posthorn/internal/serve"
	"posthorn/mail"
	"posthorn/smtpd/front"
)

// session is one client, from its first EHLO on. go-smtp's goroutine owns it.
type session struct {
	*Server
	ctx     context.Context
	conn    *front.Conn
	hello   func() string // the client's name for itself, as it last gave it
	id      string        // for the log
	remote  netip.Addr
	address string         // remote as an address literal
	login   *auth.Identity // nil for a stranger
	tx      *transaction   // nil outside of one
}

func (s *Server) newSession(ctx context.Context, c *smtp.Conn) (smtp.Session, error) {
	conn := c.Conn().(*front.Conn)
	remote := serve.RemoteAddr(conn).WithZone("")
	return &session{
		Server:  s,
		ctx:     ctx,
		conn:    conn,
		hello:   c.Hostname,
		id:      mail.NewID(),
		remote:  remote,
		address: literal(remote),
	}, nil
}

// Mail opens a transaction.
func (s *session) Mail(_ string, o *smtp.MailOptions) error {
	tx := begin(s.conn.Path(), s.conn.Size(), o)
	if err := s.mayBegin(tx); err != nil {
		refusal := s.refuse(tx, err, mail.Path{})
		s.record(tx)
		return refusal
	}
	s.tx = tx
	return nil
}

func (s *session) mayBegin(tx *transaction) error {
	from := tx.From
	if s.role == Submission && s.login == nil {
		return mail.AuthRequired
	}
	if err := s.still(); err != nil {
		return err
	}
	if !tx.UTF8 && !from.IsASCII() {
		return mail.NeedUTF8
	}
	if err := s.space(tx.size); err != nil {
		return err
	}
	if s.role == Submission {
		return s.mayUse(from, mail.SenderNotOwned)
	}
	return s.welcome(tx)
}

// space refuses mail before the disk is full: room is asked for a message of
// size octets (0: not known), its rows, and what else is being written. One
// that turns out larger and fills the disk is refused after its content.
func (s *session) space(size int64) error {
	if s.Space == nil {
		return nil
	}
	const (
		usual   = 64 << 10
		reserve = 4 << 20
	)
	return reply(s.Space(max(size, usual)*3/2 + reserve))
}

// Rcpt adds a recipient.
func (s *session) Rcpt(_ string, o *smtp.RcptOptions) error {
	r := recipient(s.conn.Path(), o)
	if err := s.admit(r); err != nil {
		return s.refuse(s.tx, err, r.Path)
	}
	return nil
}

// Reset ends the transaction: go-smtp calls it after the content, at RSET and
// at EHLO.
func (s *session) Reset() {
	if s.tx != nil {
		s.tx.end()
		s.report(s.tx)
		s.record(s.tx)
		s.tx = nil
	}
}

// Logout is called when the connection has ended.
func (s *session) Logout() error {
	s.Reset()
	return nil
}
