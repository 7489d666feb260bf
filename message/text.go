package message

import (
	"io"
	"strings"

	"github.com/emersion/go-message/charset"
	"golang.org/x/net/html"
)

// Text is what a person reads in a leaf of type text: transfer encoding and
// charset decoded, HTML without markup, at most limit octets of UTF-8. For any
// other part it is empty. The error is r's own.
func Text(r io.ReaderAt, p *Part, limit int64) (string, error) {
	if p.Type != "text" {
		return "", nil
	}
	src := &sourceReader{r: io.NewSectionReader(r, p.BodyStart, p.Size())}
	decoded, _ := Decoder(p.Encoding, src) // of an unknown encoding the octets are searched
	text := decodeReader(p.Param("charset"), decoded)
	var b strings.Builder
	if p.Subtype == "html" {
		writeHTMLText(&b, text, limit)
	} else {
		io.Copy(&b, io.LimitReader(text, limit)) // src keeps what matters
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD"), src.err
}

// sourceReader keeps the error of the content itself apart from those of
// decoders, which only mean that the rest is unreadable.
type sourceReader struct {
	r   io.Reader
	err error
}

func (s *sourceReader) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func decodeReader(name string, r io.Reader) io.Reader {
	if isUTF8Name(name) {
		return r
	}
	if d, err := charset.Reader(name, r); err == nil {
		return d
	}
	return r
}

// maxToken bounds one HTML token; the rest of the text is not searched then.
const maxToken = 1 << 20

// blocks are elements that part words.
var blocks = map[string]bool{
	"p": true, "br": true, "div": true, "td": true, "th": true, "tr": true, "li": true, "table": true, "hr": true,
	"h1": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true, "blockquote": true, "pre": true, "title": true,
}

// writeHTMLText writes the text of an HTML document, without scripts and styles.
func writeHTMLText(b *strings.Builder, r io.Reader, limit int64) {
	z := html.NewTokenizer(r)
	z.SetMaxBuf(maxToken)
	hidden := ""
	for int64(b.Len()) < limit {
		t := z.Next()
		switch t {
		case html.ErrorToken:
			return
		case html.TextToken:
			if hidden == "" {
				text := z.Text()
				b.Write(text[:min(int64(len(text)), limit-int64(b.Len()))])
			}
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			name, _ := z.TagName()
			tag := string(name)
			switch {
			case blocks[tag]:
				b.WriteByte('\n')
			case t == html.StartTagToken && (tag == "script" || tag == "style"):
				hidden = tag
			case t == html.EndTagToken && tag == hidden:
				hidden = ""
			}
		}
	}
}
