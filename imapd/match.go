package imapd

import "strings"

// pattern is a LIST pattern behind its reference, in the form match takes:
// runs of wildcards are one, INBOX is in capitals.
func pattern(reference, p string) string {
	p = canonical(reference + p)
	var b strings.Builder
	for i := 0; i < len(p); {
		if p[i] != '*' && p[i] != '%' {
			b.WriteByte(p[i])
			i++
			continue
		}
		w := byte('%')
		for ; i < len(p) && (p[i] == '*' || p[i] == '%'); i++ {
			if p[i] == '*' {
				w = '*'
			}
		}
		b.WriteByte(w)
	}
	return b.String()
}

// match says whether a name matches a pattern (from pattern): * stands for
// anything, % for anything within one level. The time is at most the product
// of the lengths, and a pattern that is longer than any name it could match is
// not looked at.
func match(pattern, name string) bool {
	if len(pattern) > 2*len(name)+1 {
		return false
	}
	// here[i]: what was read of the name matches pattern[:i].
	here := make([]bool, len(pattern)+1)
	here[0] = true
	skip := func() { // a wildcard may stand for nothing
		for i := range pattern {
			if pattern[i] == '*' || pattern[i] == '%' {
				here[i+1] = here[i+1] || here[i]
			}
		}
	}
	skip()
	for j := 0; j < len(name); j++ {
		for i := len(pattern); i > 0; i-- {
			switch p := pattern[i-1]; {
			case p == '*', p == '%' && name[j] != separator[0]:
				here[i] = here[i] || here[i-1]
			default:
				here[i] = here[i-1] && p == name[j]
			}
		}
		here[0] = false
		skip()
	}
	return here[len(pattern)]
}
