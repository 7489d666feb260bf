package report

import (
	"fmt"
	"html"
	"strings"
)

// style asks for nothing that a mail program may not know, and leaves colours to
// it, so that a dark screen stays dark.
const style = `body{font-family:sans-serif;line-height:1.5;max-width:42em;margin:1em}` +
	`h2{font-size:1.1em;margin:1.4em 0 .3em}p,ul,ol,blockquote{margin:.3em 0}` +
	`ul.to{list-style:none;padding-left:1.5em;font-weight:bold}` +
	`blockquote{border-left:3px solid #888;padding-left:1em;font-family:monospace;overflow-wrap:anywhere}` +
	`th{text-align:left;vertical-align:top;font-weight:normal;padding-right:1em;white-space:nowrap}td{overflow-wrap:anywhere}`

// html writes the document as a page: no script, nothing fetched, no link, no
// picture. Strangers' text is escaped, and isolated, so that its direction of
// writing ends where it ends.
func (d document) html(lang, title string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s</title>\n<style>%s</style>\n</head>\n<body>\n",
		html.EscapeString(lang), html.EscapeString(title), style)
	for i, bl := range d {
		switch {
		case bl.heading != "":
			fmt.Fprintf(&b, "<h2>%s</h2>\n", html.EscapeString(bl.heading))
		case bl.para != "" && i == 0:
			fmt.Fprintf(&b, "<p><strong>%s</strong></p>\n", html.EscapeString(bl.para))
		case bl.para != "":
			fmt.Fprintf(&b, "<p>%s</p>\n", html.EscapeString(bl.para))
		case bl.list != nil:
			b.WriteString("<ul class=\"to\">\n")
			for _, address := range bl.list {
				fmt.Fprintf(&b, "<li><bdi>%s</bdi></li>\n", html.EscapeString(address))
			}
			b.WriteString("</ul>\n")
		case bl.steps != nil:
			b.WriteString("<ol>\n")
			for _, step := range bl.steps {
				fmt.Fprintf(&b, "<li>%s</li>\n", html.EscapeString(step))
			}
			b.WriteString("</ol>\n")
		case bl.quote != nil:
			b.WriteString("<blockquote>\n")
			for _, line := range bl.quote {
				fmt.Fprintf(&b, "<div dir=\"auto\">%s</div>\n", html.EscapeString(line))
			}
			b.WriteString("</blockquote>\n")
		default:
			b.WriteString("<table>\n")
			for _, f := range bl.facts {
				fmt.Fprintf(&b, "<tr><th scope=\"row\">%s</th><td><bdi>%s</bdi></td></tr>\n", html.EscapeString(f.name), html.EscapeString(f.value))
			}
			b.WriteString("</table>\n")
		}
	}
	b.WriteString("</body>\n</html>\n")
	return b.String()
}
