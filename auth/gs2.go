package auth

import (
	"strings"
	"unicode/utf8"
)

// gs2 is the header with which a client's first message begins in SCRAM and
// OAUTHBEARER (RFC 5801 §4).
type gs2 struct {
	text    string // as sent, with its last comma
	flag    byte   // 'n', 'y' or 'p'
	binding string // the kind of channel binding, with 'p'
	authzid string
}

// parseGS2 takes the header off a message.
func parseGS2(message string) (h gs2, rest string, ok bool) {
	flag, rest, ok1 := strings.Cut(message, ",")
	authzid, rest, ok2 := strings.Cut(rest, ",")
	if !ok1 || !ok2 {
		return h, "", false
	}
	switch kind, bound := strings.CutPrefix(flag, "p="); {
	case bound && kind != "":
		h.flag, h.binding = 'p', kind
	case flag == "n" || flag == "y":
		h.flag = flag[0]
	default:
		return h, "", false
	}
	if authzid != "" {
		name, named := strings.CutPrefix(authzid, "a=")
		if h.authzid, ok = saslName(name); !named || !ok {
			return h, "", false
		}
	}
	h.text = message[:len(message)-len(rest)]
	return h, rest, true
}

// saslName decodes a saslname: a comma is =2C in it, an equals sign =3D.
func saslName(s string) (name string, ok bool) {
	plain := strings.NewReplacer("=2C", "", "=3D", "").Replace(s)
	if s == "" || strings.ContainsAny(plain, "=,\x00") || !utf8.ValidString(s) {
		return "", false
	}
	return strings.NewReplacer("=2C", ",", "=3D", "=").Replace(s), true
}
