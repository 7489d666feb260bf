// Package mail holds the words that every other part of Posthorn uses: paths,
// envelopes, content, replies and statuses. It does no I/O and knows no
// protocol state.
//
// RFCs: 5321 (paths, replies), 3461 (recipients), 3463 and 5248 (enhanced
// codes), 6531 (UTF-8 addresses).
package mail

import (
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Limits of RFC 5321 §4.5.3.1.1 to §4.5.3.1.3, in octets. A local part may be
// longer in the wild than the 64 octets the RFC asks servers to take; what is
// refused here would not fit a path.
const (
	maxLocal  = 255
	maxDomain = 255
	maxPath   = 320
)

// ErrPath is the kind of every error ParsePath returns.
var ErrPath = errors.New("not a mail address")

// Path is a reverse-path or forward-path of RFC 5321 §4.1.2 without its angle
// brackets. Local is unquoted: the local part of `"a b"@c` is `a b`. Domain is
// as written, a name or an address literal with its brackets. The zero Path is
// the null reverse-path `<>`; a Path with an empty Domain and the Local
// "postmaster" is what `<Postmaster>` means (§4.5.1).
type Path struct{ Local, Domain string }

// IsNull tells whether p is the null reverse-path.
func (p Path) IsNull() bool { return p == Path{} }

// String gives the path as it may stand between angle brackets on the wire,
// the local part quoted again where it has to be. It is empty for the null
// path. Whatever p holds, String holds no octet that could end the path.
func (p Path) String() string {
	if p.IsNull() {
		return ""
	}
	l := p.Local
	if !isDotString(l) {
		l = quote(l)
	}
	if p.Domain == "" {
		return l
	}
	return l + "@" + p.Domain
}

// IsASCII tells whether p can be given to a server without SMTPUTF8.
func (p Path) IsASCII() bool { return isASCII(p.Local) && isASCII(p.Domain) }

// Key is p in the one form in which addresses are compared and stored here:
// local part and domain in NFC and lower case. Another host's local parts are
// its own (RFC 5321 §2.4), so Key never goes out on the wire.
func (p Path) Key() Path {
	return Path{fold(p.Local), fold(strings.TrimSuffix(p.Domain, "."))}
}

// WithoutDetail is p without its subaddress, `alice` of `alice+list` (RFC 5233
// §1); false where there is none.
func (p Path) WithoutDetail() (Path, bool) {
	base, _, ok := strings.Cut(p.Local, "+")
	return Path{base, p.Domain}, ok && base != ""
}

// IsRole tells whether p is one of the addresses that every domain answers (RFC
// 5321 §4.5.1, RFC 2142 §1).
func (p Path) IsRole() bool {
	local := fold(p.Local)
	return local == "postmaster" || local == "abuse"
}

func fold(s string) string { return strings.ToLower(norm.NFC.String(s)) }

// ParsePath reads `local@domain`, with a quoted local part or an address
// literal where they stand, and the bare word postmaster. Source routes
// (`@a,@b:c@d`) are accepted and dropped (RFC 5321 §4.1.2, appendix C). The
// empty string is the null path.
func ParsePath(s string) (Path, error) {
	if s == "" {
		return Path{}, nil
	}
	if len(s) > maxPath || !utf8.ValidString(s) {
		return Path{}, ErrPath
	}
	if s[0] == '@' {
		i := strings.IndexByte(s, ':')
		if i < 0 {
			return Path{}, ErrPath
		}
		s = s[i+1:]
	}
	local, rest, err := parseLocal(s)
	if err != nil {
		return Path{}, err
	}
	if rest == "" && strings.EqualFold(local, "postmaster") {
		return Path{Local: local}, nil
	}
	if !strings.HasPrefix(rest, "@") || !isDomain(rest[1:]) || len(local) > maxLocal {
		return Path{}, ErrPath
	}
	return Path{local, rest[1:]}, nil
}

// parseLocal splits a leading local part, unquoted, from what follows it.
func parseLocal(s string) (local, rest string, err error) {
	if s == "" || s[0] != '"' {
		i := strings.LastIndexByte(s, '@')
		if i < 0 {
			i = len(s)
		}
		if !isDotString(s[:i]) {
			return "", "", ErrPath
		}
		return s[:i], s[i:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			if b.Len() == 0 {
				return "", "", ErrPath
			}
			return b.String(), s[i+1:], nil
		case c == '\\':
			i++
			if i == len(s) || s[i] < ' ' || s[i] == 0x7f {
				return "", "", ErrPath
			}
			b.WriteByte(s[i])
		case c < ' ' || c == 0x7f:
			return "", "", ErrPath
		default:
			b.WriteByte(c)
		}
	}
	return "", "", ErrPath
}

// isDotString is RFC 5321's Dot-string with RFC 6531's UTF8-non-ascii, and,
// as every server does, tolerates leading, trailing and doubled dots, which
// some telephone providers issue as addresses.
func isDotString(s string) bool {
	if s == "" {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '.' && !isAtext(c) {
			return false
		}
	}
	return true
}

func isAtext(c byte) bool {
	return c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' ||
		strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// isDomain accepts names of letters, digits, hyphens, underscores (seen in
// the wild) and UTF-8, and address literals.
func isDomain(s string) bool {
	if s == "" || len(s) > maxDomain {
		return false
	}
	if s[0] == '[' {
		return s[len(s)-1] == ']' && len(s) > 2 && strings.Trim(s[1:len(s)-1], "0123456789abcdefABCDEFIPvx:.-") == ""
	}
	for _, label := range strings.Split(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := 0; i < len(label); i++ {
			c := label[i]
			if c != '-' && c != '_' && (!isAtext(c) || strings.IndexByte("!#$%&'*+/=?^`{|}~", c) >= 0) {
				return false
			}
		}
	}
	return true
}

func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c == 0x7f { // cannot stand in a path at all; never parsed into one
			c = '?'
		}
		if c == '"' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String()
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
