package words

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Choose gives the catalogue for the first wish that there is one for, English
// when there is none. A wish is one tag or a list of them as Accept-Language and
// Content-Language have it (RFC 3282 §2 and §3): with comments, by q where that is
// given. A region or script that nobody wrote in falls back on its language (RFC
// 4647 §3.4): "pt-PT" is read by who reads "pt".
func Choose(wishes ...string) *Catalogue {
	all := catalogues()
	for _, wish := range wishes {
		for _, tag := range byQuality(wish) {
			for ; tag != ""; tag = truncate(tag) {
				if c := all[tag]; c != nil {
					return c
				}
			}
		}
	}
	return all[English]
}

// maxTags of a list are looked at.
const maxTags = 20

// byQuality are the tags of a list in lower case, the most wanted first; those
// refused with q=0 and the star are left out.
func byQuality(list string) []string {
	type wish struct {
		tag string
		q   float64
	}
	var wishes []wish
	for item := range strings.SplitSeq(withoutComments(list), ",") {
		tag, params, _ := strings.Cut(item, ";")
		w := wish{strings.ToLower(strings.ReplaceAll(strings.TrimSpace(tag), "_", "-")), 1}
		if name, v, ok := strings.Cut(params, "="); ok && strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err != nil || q < 0 || q > 1 {
				q = 0
			}
			w.q = q
		}
		if w.tag != "" && w.tag != "*" && w.q > 0 && len(wishes) < maxTags {
			wishes = append(wishes, w)
		}
	}
	slices.SortStableFunc(wishes, func(a, b wish) int { return cmp.Compare(b.q, a.q) })
	tags := make([]string, len(wishes))
	for i, w := range wishes {
		tags[i] = w.tag
	}
	return tags
}

// withoutComments takes out what stands in parentheses (RFC 5322 §3.2.2).
func withoutComments(s string) string {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && depth > 0:
			i++
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// truncate takes the last subtag off, and a single letter that stood before it
// (RFC 4647 §3.4).
func truncate(tag string) string {
	i := strings.LastIndexByte(tag, '-')
	if i < 0 {
		return ""
	}
	if tag = tag[:i]; len(tag) > 1 && tag[len(tag)-2] == '-' {
		tag = tag[:len(tag)-2]
	}
	return tag
}
