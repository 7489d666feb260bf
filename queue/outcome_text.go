package queue

import (
	"net/url"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"posthorn/mail"
)

// sign is what the text of a reply says, beyond or in place of its code.
type sign string

// The signs. Each has rules below, and examples of real texts in
// testdata/signs.txt; a test holds that no rule fires on the examples of another.
const (
	accessDenied        sign = "access denied"
	addressBlocked      sign = "address blocked"
	arcFailed           sign = "arc failed"
	attachmentBad       sign = "attachment bad"
	badAddress          sign = "bad address"
	badHeader           sign = "bad header"
	badHelo             sign = "bad helo"
	brokenLines         sign = "broken lines"
	connectionSpent     sign = "connection used up"
	diskFull            sign = "disk full"
	dkimFailed          sign = "dkim failed"
	dmarcFailed         sign = "dmarc failed"
	domainUnknown       sign = "domain unknown"
	greylisted          sign = "greylisted"
	hasMoved            sign = "has moved"
	internationalWanted sign = "international wanted"
	isSpam              sign = "spam"
	listMisused         sign = "list asked wrongly"
	loginWanted         sign = "login wanted"
	mailboxBusy         sign = "mailbox busy"
	mailboxFull         sign = "mailbox full"
	mailboxOff          sign = "mailbox off"
	mailboxUnavailable  sign = "mailbox unavailable"
	mailLoop            sign = "loop"
	noReverseDNS        sign = "no reverse dns"
	notAllowed          sign = "not allowed to write"
	notNow              sign = "not now"
	policyRefusal       sign = "policy"
	poorReputation      sign = "poor reputation"
	relayDenied         sign = "relay denied"
	senderDomainUnknown sign = "sender domain unknown"
	senderRefused       sign = "sender refused"
	spfFailed           sign = "spf failed"
	timeExpired         sign = "time expired"
	tlsWanted           sign = "tls wanted"
	tooFast             sign = "too fast"
	tooLarge            sign = "too large"
	tooManyRecipients   sign = "too many recipients"
	unauthenticated     sign = "unauthenticated"
	userUnknown         sign = "user unknown"
)

// maxRead is how much of a text is looked at, in octets.
const maxRead = 1024

// textRule finds one way to say something. Its expression (RE2: linear in the
// text) meets the text in lower case, in one line, without addresses, and with
// links cut down to their host.
type textRule struct {
	sign
	re    *regexp.Regexp
	needs []string // one of these is in each text that re fits
}

// readSign gives what a text says: the sign of the first rule that fits, "" when
// none does.
func readSign(text string) sign {
	text = plain(text)
	i := slices.IndexFunc(textRules(), func(r textRule) bool { return r.fits(text) })
	if i < 0 {
		return ""
	}
	return textRules()[i].sign
}

func (r textRule) fits(text string) bool {
	return slices.ContainsFunc(r.needs, func(word string) bool { return strings.Contains(text, word) }) && r.re.MatchString(text)
}

var (
	aLink     = regexp.MustCompile(`(?i)\bhttps?://[^\s<>"')\]]+`)
	anAddress = regexp.MustCompile(`[^\s<>()"',;:\[\]]+@[^\s<>()"',;:\[\]]+`)
)

// plain is a text as the rules want it. What stands in an address or a link is
// not the server's statement: "<spam@example.org>: user unknown".
func plain(text string) string {
	if len(text) > maxRead {
		text = strings.ToValidUTF8(text[:maxRead], "")
	}
	text = aLink.ReplaceAllStringFunc(text, func(link string) string {
		u, err := url.Parse(link)
		if err != nil {
			return "link"
		}
		return "link//" + u.Hostname()
	})
	text = anAddress.ReplaceAllString(text, "@")
	return strings.Join(strings.Fields(strings.ToLower(text)), " ")
}

// rule compiles one. What it needs is found once, so that a text meets few of the
// expressions.
func rule(s sign, expr string) textRule {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		panic(err) // a test runs all
	}
	return textRule{s, regexp.MustCompile(expr), literals(tree)}
}

// literals are strings of which one at least is in every text that e fits; nil
// when there are none.
func literals(e *syntax.Regexp) []string {
	switch e.Op {
	case syntax.OpLiteral:
		return []string{string(e.Rune)}
	case syntax.OpCapture, syntax.OpPlus:
		return literals(e.Sub[0])
	case syntax.OpRepeat:
		if e.Min > 0 {
			return literals(e.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, sub := range e.Sub {
			if l := literals(sub); shortest(l) > shortest(best) {
				best = l
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range e.Sub {
			l := literals(sub)
			if l == nil {
				return nil
			}
			all = append(all, l...)
		}
		return all
	}
	return nil
}

// shortest is the length of the shortest of the words, 0 when there are none.
func shortest(all []string) int {
	if len(all) == 0 {
		return 0
	}
	return len(slices.MinFunc(all, func(a, b string) int { return len(a) - len(b) }))
}

var numbered = regexp.MustCompile(`\(#([245])\.(\d{1,3})\.(\d{1,3})(?: - \w+)?\)`)

// codeInText reads the enhanced code as qmail writes it, "(#5.1.1)", or its
// patches, "(#5.1.1 - chkuser)".
func codeInText(text string) mail.EnhancedCode {
	var x mail.EnhancedCode
	if m := numbered.FindStringSubmatch(text); m != nil {
		for i := range x {
			for _, c := range m[i+1] {
				x[i] = x[i]*10 + int(c-'0')
			}
		}
	}
	return x
}
