package mail

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// EnhancedCode is an enhanced mail system status code, class.subject.detail
// (RFC 3463). The zero value stands for none.
type EnhancedCode [3]int

// String gives "5.1.1", or "" for the zero value.
func (x EnhancedCode) String() string {
	if x == (EnhancedCode{}) {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", x[0], x[1], x[2])
}

// Reply is one SMTP reply: what a client is told, what a queue decides by and
// what a bounce quotes. It is born where the fact becomes known and travels
// unaltered. Ours stand in replies.go; a remote server's has no Name.
type Reply struct {
	Name string // how the code calls it; errors.Is compares it
	Code int    // three digits (RFC 5321 §4.2)
	X    EnhancedCode
	Text string // one line, or several separated by "\n"; no CR
}

// Error makes a refusing Reply an error. The text is what goes on the wire.
func (r Reply) Error() string {
	if r.X == (EnhancedCode{}) {
		return fmt.Sprintf("%d %s", r.Code, r.Text)
	}
	return fmt.Sprintf("%d %s %s", r.Code, r.X, r.Text)
}

// String is Error, for a reply that is not one.
func (r Reply) String() string { return r.Error() }

// Err is nil for a positive reply, else r.
func (r Reply) Err() error {
	if r.Positive() {
		return nil
	}
	return r
}

// Positive, Temporary and Permanent go by the first digit of the code.
func (r Reply) Positive() bool  { return r.Code/100 == 2 }
func (r Reply) Temporary() bool { return r.Code/100 == 4 }
func (r Reply) Permanent() bool { return r.Code/100 == 5 }

// Is lets errors.Is(err, mail.MailboxFull) ignore the words.
func (r Reply) Is(target error) bool {
	t, ok := target.(Reply)
	return ok && t.Name != "" && t.Name == r.Name
}

// With fills the verbs of Text. Arguments are cleaned: what a stranger wrote
// cannot start a new line.
func (r Reply) With(args ...any) Reply {
	for i, a := range args {
		switch v := a.(type) {
		case string:
			args[i] = Clean(v)
		case fmt.Stringer:
			args[i] = Clean(v.String())
		}
	}
	r.Text = fmt.Sprintf(r.Text, args...)
	return r
}

// ReplyTo turns any error into what the peer is told. An error nobody foresaw
// is LocalError, 451 4.3.0: mail is never lost to it. The caller logs it.
func ReplyTo(err error) (r Reply, foreseen bool) {
	if errors.As(err, &r) {
		return r, true
	}
	return LocalError, false
}

// maxText bounds foreign text kept in replies, logs and bounces, in octets.
const maxText = 1024

// Clean makes text from outside safe to quote: control characters become
// spaces, invalid UTF-8 becomes U+FFFD, and it is cut at 1,024 octets.
func Clean(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 || c == '\u2028' || c == '\u2029' {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}

// Status is the outcome of one attempt for one recipient and who said so: MTA
// is the remote host's name, or "" when this host decided.
type Status struct {
	Reply Reply
	MTA   string
	Link  Link
}

// Link is the connection on which an outcome came about, for the reports and
// logs that an administrator reads. The zero value stands for none.
type Link struct {
	Remote netip.Addr // the host's
	Local  netip.Addr // ours; the zero Addr when no connection came about
	TLS    string     // version and cipher, "TLS 1.3 TLS_AES_128_GCM_SHA256"; empty for clear text
}

// OK tells whether the recipient was taken care of.
func (s Status) OK() bool { return s.Reply.Positive() }

// Refusal is what a recipient was refused with in a session; To is the null path
// where it came before any recipient.
type Refusal struct {
	To    Path
	Reply Reply
}
