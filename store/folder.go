package store

import (
	"fmt"
	"strings"
)

// FolderName is the Maildir++ folder of a mailbox name: "" for INBOX, else a dot
// before each level. What could not stand in a file name, or would be mistaken
// for a level, is written as '%' and two hexadecimal digits; so are the
// characters by which other programs tell special folders.
func FolderName(mailbox string) string {
	if mailbox == "INBOX" {
		return ""
	}
	var b strings.Builder
	for _, level := range strings.Split(mailbox, "/") {
		b.WriteByte('.')
		for i := 0; i < len(level); i++ {
			switch c := level[i]; {
			case c < ' ' || c == 0x7f || c == '.' || c == '%' || c == '~' || c == '/' || c == '\\' || c == ':':
				fmt.Fprintf(&b, "%%%02X", c)
			default:
				b.WriteByte(c)
			}
		}
	}
	if b.Len() > maxFolder {
		return b.String()[:cut(b.String(), maxFolder)]
	}
	return b.String()
}

// maxFolder leaves room in the 255 octets of a file name for what makes a cut
// name unique.
const maxFolder = 240

// cut gives the longest length up to n at which s can be cut without leaving
// half an escape or half a character.
func cut(s string, n int) int {
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	if i := strings.LastIndexByte(s[:n], '%'); i >= n-2 {
		n = i
	}
	return n
}
