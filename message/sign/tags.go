package sign

import (
	"errors"
	"strings"
)

// Tags is a list of RFC 6376 §3.2, `a=1; b=2`, without white space around names
// and values.
type Tags map[string]string

// maxTags bounds a list.
const maxTags = 64

var errTags = errors.New("the tag list is malformed")

// ParseTags reads the unfolded value of a field, or a key record.
func ParseTags(s string) (Tags, error) {
	t := Tags{}
	for part := range strings.SplitSeq(s, ";") {
		name, value, ok := strings.Cut(part, "=")
		name = strings.Trim(name, space)
		if name == "" && !ok && strings.Trim(part, space) == "" {
			continue // behind the last semicolon
		}
		if _, twice := t[name]; !ok || name == "" || twice || len(t) == maxTags {
			return nil, errTags // a tag twice makes all of it void (§3.2)
		}
		t[name] = strings.Trim(value, space)
	}
	return t, nil
}

const space = " \t\r\n"

// squeeze takes all white space out of a value, as in base64 and lists.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(space, r) {
			return -1
		}
		return r
	}, s)
}
