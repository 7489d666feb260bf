package message

import "strings"

// BaseSubject is what a subject is about, without "Re:", "Fwd:", "[list]" and
// "(fwd)" around it (RFC 5256 §2.1), and whether any of those that make a reply
// or forward were there. The subject must be decoded already (DecodeWords).
func BaseSubject(s string) (base string, isReply bool) {
	s = strings.Join(strings.Fields(s), " ") // step 1
	for {
		for { // step 2: trailers
			t := strings.TrimRight(s, " ")
			if len(t) >= 5 && strings.EqualFold(t[len(t)-5:], "(fwd)") {
				t, isReply = t[:len(t)-5], true
			}
			if t == s {
				break
			}
			s = t
		}
		for { // steps 3 to 5: leaders, then blobs when something is left
			if t, ok := cutLeader(s); ok {
				s, isReply = t, true
				continue
			}
			break
		}
		// A leader that is none before a blob is none after it: each blob is
		// looked at once.
		for t, ok := cutBlob(s); ok && t != ""; t, ok = cutBlob(s) {
			s = t
		}
		if len(s) < 6 || !strings.EqualFold(s[:5], "[fwd:") || s[len(s)-1] != ']' { // step 6
			return s, isReply
		}
		s, isReply = strings.TrimSpace(s[5:len(s)-1]), true
	}
}

// cutLeader takes off a leading *subj-blob subj-refwd, or white space.
func cutLeader(s string) (string, bool) {
	rest := s
	for {
		t, ok := cutBlob(rest)
		if !ok {
			break
		}
		rest = t
	}
	rest = strings.TrimLeft(rest, " ")
	n := 0
	for _, word := range []string{"re", "fwd", "fw"} {
		if len(rest) >= len(word) && strings.EqualFold(rest[:len(word)], word) {
			n = len(word)
			break
		}
	}
	if n == 0 {
		return s, false
	}
	rest = strings.TrimLeft(rest[n:], " ")
	if t, ok := cutBlob(rest); ok {
		rest = t
	}
	rest, ok := strings.CutPrefix(rest, ":")
	if !ok {
		return s, false
	}
	return strings.TrimLeft(rest, " "), true
}

// cutBlob takes off a leading "[...]" with the white space after it.
func cutBlob(s string) (string, bool) {
	if s == "" || s[0] != '[' {
		return s, false
	}
	end := strings.IndexAny(s[1:], "[]")
	if end < 0 || s[1+end] == '[' {
		return s, false
	}
	return strings.TrimLeft(s[end+2:], " "), true
}
