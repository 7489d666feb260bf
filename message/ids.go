package message

import "strings"

// maxIDs of one message are read: the first and the newest others. Those
// between are references of these.
const maxIDs = 100

// MessageIDs reads the msg-ids of a Message-ID, In-Reply-To or References field
// (RFC 5322 §3.6.4), without their angle brackets and without white space and
// quoting that mean nothing, so that equal ids are equal strings. What is no
// msg-id is passed over: RFC 5256 wants an at sign in it.
func MessageIDs(s string) []string {
	var ids []string
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			return ids
		}
		s = s[i+1:]
		id, n := msgID(s)
		s = s[n:]
		if id == "" {
			continue
		}
		if len(ids) == maxIDs {
			copy(ids[1:], ids[2:])
			ids = ids[:maxIDs-1]
		}
		ids = append(ids, id)
	}
}

// msgID reads what follows the opening bracket: the id, "" when it is none, and
// how much was read.
func msgID(s string) (id string, n int) {
	end := strings.IndexAny(s, "<>\"\\ \t\r\n(")
	if end >= 0 && s[end] == '>' { // nearly all there are
		return validID(s[:end]), end + 1
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case '>':
			return validID(b.String()), i + 1
		case '<':
			return "", i // the one before had no end
		case '"':
			var q string
			q, i = unquote(s, i)
			b.WriteString(q)
		case '(':
			_, i = comment(s, i)
		case ' ', '\t', '\r', '\n':
			i++
		default:
			b.WriteByte(c)
			i++
		}
	}
	return "", len(s)
}

func validID(id string) string {
	if at := strings.LastIndexByte(id, '@'); at <= 0 || at == len(id)-1 {
		return ""
	}
	return id
}
