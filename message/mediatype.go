package message

import "strings"

// parseMedia splits a structured MIME value (RFC 2045 §5.1, RFC 2183) into what
// stands before the first semicolon and its parameters. Values that should be
// quoted and are not are taken up to the next semicolon.
func parseMedia(s string) (value string, params []Param) {
	i := skipToken(s, 0, ';')
	value = cutComment(s[:i])
	for i < len(s) {
		i = skipSpace(s, i+1)
		j := i
		for j < len(s) && s[j] != '=' && s[j] != ';' {
			j++
		}
		if j == len(s) || s[j] == ';' {
			i = j
			continue
		}
		name := cutComment(s[i:j])
		j = skipSpace(s, j+1)
		var v string
		if j < len(s) && s[j] == '"' {
			v, i = unquote(s, j)
			i = skipToken(s, i, ';')
		} else {
			i = skipToken(s, j, ';')
			v = cutComment(s[j:i])
		}
		if name != "" {
			params = append(params, Param{name, v})
		}
	}
	return value, params
}

// parseType reads a Content-Type value. What is not valid is text/plain
// (RFC 2045 §5.2).
func parseType(s string) (typ, subtype string, params []Param) {
	value, params := parseMedia(s)
	typ, subtype, ok := strings.Cut(strings.ToLower(value), "/")
	typ, subtype = strings.TrimSpace(typ), strings.TrimSpace(subtype)
	if !ok || !isToken(typ) || !isToken(subtype) {
		return "text", "plain", params
	}
	return typ, subtype, params
}

// isToken is RFC 2045's token.
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// skipToken is the index of the next end octet at or after i that stands outside
// quotes, or the length of s.
func skipToken(s string, i int, end byte) int {
	for i < len(s) && s[i] != end {
		if s[i] == '"' {
			_, i = unquote(s, i)
		} else {
			i++
		}
	}
	return i
}

func skipSpace(s string, i int) int {
	for i < len(s) && strings.IndexByte(" \t\r\n", s[i]) >= 0 {
		i++
	}
	return i
}

// unquote reads the quoted string that starts at s[i] and gives the index after
// it. A missing closing quote is supplied at the end.
func unquote(s string, i int) (string, int) {
	i++
	start, plain := i, true
	for j := i; j < len(s); j++ {
		switch s[j] {
		case '\\':
			plain = false
			j++
		case '"':
			if plain {
				return s[start:j], j + 1
			}
			return unescape(s[start:j]), j + 1
		}
	}
	return unescape(s[start:]), len(s)
}

// unescape drops the backslash of quoted pairs.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// cutComment trims s and takes off a leading comment and one that follows white
// space (RFC 2045 §5.1 writes `charset=us-ascii (Plain text)`). A parenthesis
// within a word is left: unquoted boundaries hold them in the wild.
func cutComment(s string) string {
	s = strings.Trim(s, " \t\r\n")
	for strings.HasPrefix(s, "(") {
		_, n := comment(s, 0)
		s = strings.TrimLeft(s[n:], " \t\r\n")
	}
	for i := 1; i < len(s); i++ {
		if s[i] == '(' && (s[i-1] == ' ' || s[i-1] == '\t') {
			return strings.TrimRight(s[:i], " \t\r\n")
		}
	}
	return s
}

// comment reads the comment that starts at s[i], nested ones included, and gives
// its text and the index after it.
func comment(s string, i int) (string, int) {
	depth := 0
	start := i + 1
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return unescape(s[start:i]), i + 1
			}
		}
	}
	return unescape(s[min(start, len(s)):]), len(s)
}
