package message

import (
	"bytes"

	"golang.org/x/net/html"
)

// maxToken bounds one HTML token; the rest of the text is not searched then.
const maxToken = 1 << 20

// blocks are elements that part words.
var blocks = map[string]bool{
	"p": true, "br": true, "div": true, "td": true, "th": true, "tr": true, "li": true, "table": true, "hr": true,
	"h1": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true, "blockquote": true, "pre": true, "title": true,
}

// appendHTMLText appends the text of an HTML document, without scripts and
// styles.
func appendHTMLText(dst, document []byte) []byte {
	z := html.NewTokenizer(bytes.NewReader(document))
	z.SetMaxBuf(maxToken)
	hidden := ""
	for {
		t := z.Next()
		switch t {
		case html.ErrorToken:
			return dst
		case html.TextToken:
			if hidden == "" {
				dst = append(dst, z.Text()...)
			}
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			name, _ := z.TagName()
			tag := string(name)
			switch {
			case blocks[tag]:
				dst = append(dst, '\n')
			case t == html.StartTagToken && (tag == "script" || tag == "style"):
				hidden = tag
			case t == html.EndTagToken && tag == hidden:
				hidden = ""
			}
		}
	}
}
