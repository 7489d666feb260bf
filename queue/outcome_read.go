package queue

import (
	"errors"
	"regexp"
	"strings"

	"posthorn/mail"
)

// ErrNoReply is the kind of a text that holds no reply.
var ErrNoReply = errors.New("no SMTP reply and no status code")

// maxPasted bounds what ReadReply looks at, in octets.
const maxPasted = 64 << 10

var (
	enhanced = regexp.MustCompile(`\b([245])\.(\d{1,3})\.(\d{1,3})\b`)
	// after these words a log or a report quotes a remote server
	quotes = regexp.MustCompile(`(?i)\b(?:said|replied|returned|diagnostic-code: ?smtp;|smtp;|remote host said|server response|status=\w+ \(.{0,200}?said|error from remote mail server[^:]{0,200}|reason|result|response):?\s*'?"?(?:[^\d\s]{0,3})([2-5]\d\d[ -][^\n]*(?:\n[ \t]*[^\n]*)*)`)
	// a reply in the middle of a line
	inLine = regexp.MustCompile(`(?:^|[\s:;("'>])([245]\d\d(?:[ -]#?[245]\.\d{1,3}\.\d{1,3}\b|[ -]|$).*)`)
	// what logs put behind it
	trailing = regexp.MustCompile(`(?i)\s*(\(in reply to [^)]*\)?\)?|; from=<.*)\s*$`)
)

// ReadReply finds the reply in what a person has at hand: as it came over the wire,
// of one line or several; a code alone, "421" or "5.7.26"; a line of a log, or of a
// report. Its error is ErrNoReply.
func ReadReply(text string) (mail.Reply, error) {
	if len(text) > maxPasted {
		text = strings.ToValidUTF8(text[:maxPasted], "")
	}
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	if r, ok := readWire(text); ok {
		return r, nil
	}
	if m := quotes.FindStringSubmatch(text); m != nil {
		if r, ok := readWire(trailing.ReplaceAllString(m[1], "")); ok {
			return r, nil
		}
	}
	for line := range strings.Lines(text) {
		if m := inLine.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			if r, ok := readWire(trailing.ReplaceAllString(m[1], "")); ok {
				return r, nil
			}
		}
	}
	return readCode(text)
}

// readWire reads a reply that begins with its code. An enhanced code of another
// class than the code's is mended, as the SMTP client does.
func readWire(text string) (mail.Reply, bool) {
	r := mail.ParseReply(unfold(text))
	if r.Code == 0 {
		return r, false
	}
	if first, _, _ := strings.Cut(r.Text, " "); r.X == (mail.EnhancedCode{}) {
		if x := mail.ParseEnhancedCode(first); x != (mail.EnhancedCode{}) {
			r.X = mail.EnhancedCode{r.Code / 100, x[1], x[2]}
		}
	}
	r.Text = strings.TrimSpace(r.Text)
	return r, true
}

// unfold gives the lines of a reply back that a log has put into one:
// "550-5.7.1 one 550 5.7.1 two".
func unfold(text string) string {
	if len(text) < 5 {
		return text
	}
	code := text[:3]
	x, _, _ := strings.Cut(text[4:], " ")
	if mail.ParseEnhancedCode(x) == (mail.EnhancedCode{}) {
		return text
	}
	return strings.NewReplacer(" "+code+"-"+x, "\n"+code+"-"+x, " "+code+" "+x, "\n"+code+" "+x).Replace(text)
}

// readCode reads an enhanced code that stands alone, with the reply's code that
// belongs to it.
func readCode(text string) (mail.Reply, error) {
	s := enhanced.FindString(text)
	if s == "" {
		return mail.Reply{}, ErrNoReply
	}
	x := mail.ParseEnhancedCode(s)
	r := mail.Reply{Code: x[0]*100 + 50, X: x, Text: mail.Clean(text)}
	if code, ok := basic[s]; ok {
		r.Code = code
	}
	if strings.TrimSpace(text) == s {
		r.Text = ""
	}
	return r, nil
}

// basic are the replies' codes that the IANA registry of enhanced codes gives to
// those that have one of their own.
var basic = map[string]int{
	"2.0.0": 250, "4.3.2": 421, "4.5.3": 452, "4.2.2": 452, "4.3.1": 452, "4.7.12": 432, "5.1.10": 556, "5.2.2": 552, "5.3.2": 521, "5.3.4": 552,
	"5.5.1": 503, "5.5.2": 500, "5.5.4": 501, "5.5.6": 500, "5.6.7": 553, "5.7.8": 535, "5.7.9": 534, "5.7.11": 538, "5.7.13": 525, "5.7.14": 535,
}
