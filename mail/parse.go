package mail

import (
	"strconv"
	"strings"
)

// ParseReply reads what Reply.String writes, also as people copy it out of logs
// and reports: `550 5.1.1 No such user`, `550-5.1.1 two` and `550 5.1.1 lines`,
// the enhanced code missing or with `#` in front. Without a code of three digits
// it is the zero Reply with the text.
func ParseReply(s string) Reply {
	var r Reply
	var texts []string
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		code, rest := leadingCode(line)
		if code != 0 && (r.Code == 0 || r.Code == code) {
			r.Code = code
			x, after, _ := strings.Cut(strings.TrimSpace(rest), " ")
			if found := ParseEnhancedCode(strings.Trim(x, "#()")); found[0] == code/100 {
				r.X, rest = found, after
			}
			line = rest
		}
		texts = append(texts, Clean(strings.TrimSpace(line)))
	}
	r.Text = strings.Join(texts, "\n")
	return r
}

// leadingCode is a reply code (RFC 5321 §4.2) at the start of a line, and what
// follows it.
func leadingCode(line string) (int, string) {
	if len(line) < 3 || len(line) > 3 && !strings.ContainsRune(" -\t", rune(line[3])) {
		return 0, line
	}
	code, err := strconv.Atoi(line[:3])
	if err != nil || code < 200 || code > 599 {
		return 0, line
	}
	return code, strings.TrimPrefix(line[3:], "-")
}

// ParseEnhancedCode reads a code of RFC 3463 §2, class.subject.detail; the zero
// value for anything else.
func ParseEnhancedCode(s string) EnhancedCode {
	var x EnhancedCode
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return x
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || len(p) > 3 || i == 0 && n != 2 && n != 4 && n != 5 {
			return EnhancedCode{}
		}
		x[i] = int(n)
	}
	return x
}
