package queue

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/queue/words"
)

// blocklist is a list of addresses that others block, and where to ask to be taken
// off it.
type blocklist struct {
	mark string // it is meant when this is in the text, in lower case
	name string
	link string // "" where nothing needs or helps to be done
}

// blocklists are known by their marks. Their own link is better than what stands
// in a stranger's reply.
var blocklists = []blocklist{
	{"spamhaus", "Spamhaus", "https://check.spamhaus.org/"},
	{"abuseat.org", "Spamhaus CBL", "https://check.spamhaus.org/"},
	{"spamcop", "SpamCop", "https://www.spamcop.net/bl.shtml"},
	{"barracuda", "Barracuda", "https://www.barracudacentral.org/rbl/removal-request"},
	{"uceprotect", "UCEPROTECT", "https://www.uceprotect.net/en/rblcheck.php"},
	{"psbl", "PSBL", "https://psbl.org/remove"},
	{"mailspike", "Mailspike", "https://mailspike.org/iplookup.html"},
	{"abusix", "Abusix", "https://lookup.abusix.com/"},
	{"spamrats", "SpamRATS", "https://www.spamrats.com/removal.php"},
	{"ipcheck.proofpoint", "Proofpoint", "https://ipcheck.proofpoint.com/"},
	{"cloudmark", "Cloudmark", "https://csi.cloudmark.com/en/reset/"},
	{"trend micro", "Trend Micro", "https://www.ers.trendmicro.com/reputations"},
	{"sending mta's poor reputation", "Cisco Talos", "https://talosintelligence.com/reputation_center"},
	{"s3140", "Outlook.com", "https://olcsupport.office.com/"},
	{"s3150", "Outlook.com", "https://olcsupport.office.com/"},
	{"banned sending ip", "Microsoft 365", "https://sender.office.com/"},
	{"toda@rx.t-online.de", "T-Online", "toda@rx.t-online.de"}, // each asks for another kind of thing
	{"tosa@rx.t-online.de", "T-Online", "tosa@rx.t-online.de"},
	{"rx.t-online.de", "T-Online", "tobr@rx.t-online.de"},
	{"comcast", "Comcast", "https://postmaster.comcast.net/block-removal-request.html"},
	{"abuse_rbl@abuse-att.net", "AT&T", "abuse_rbl@abuse-att.net"},
}

var (
	listHost = regexp.MustCompile(`(?i)(?:using|listed (?:in|at|on|by)|blacklisted (?:at|by|in|on)|found (?:in|on|at)|blocked by|rejected by)[: ]+([a-z0-9-]+(?:\.[a-z0-9-]+)+)`)
	anIP     = regexp.MustCompile(`\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{1,4}(?::{1,2}[0-9a-fA-F]{1,4}){2,7}`)
	aSize    = regexp.MustCompile(`(?i)\b(?:limits?|maximum|max|exceeds?|larger than|than)\b[^0-9]{0,40}(\d[\d,]{0,14})(?:\.\d+)?\s*(bytes?|octets|kilobytes?|kib|kb|k|megabytes?|mib|mb|m|gib|gb|g|b)?\b`)
	aWait    = regexp.MustCompile(`(?i)\b(?:try|retry|come|again|wait|greylisted)\b.{0,30}\b(?:in|for|after)\s+(\d{1,5})\s*(s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b`)
	aClock   = regexp.MustCompile(`(?i)come back in (\d\d):(\d\d):(\d\d)`)
)

// longestAsked bounds what a stranger may make us wait.
const longestAsked = 4 * time.Hour

// askedWait is how long a temporary reply asks us to wait; 0 when it does not say.
func askedWait(r mail.Reply) time.Duration {
	if !r.Temporary() || r.Name != "" {
		return 0
	}
	var wait time.Duration
	if m := aClock.FindStringSubmatch(r.Text); m != nil {
		wait = number(m[1])*time.Hour + number(m[2])*time.Minute + number(m[3])*time.Second
	} else if m := aWait.FindStringSubmatch(r.Text); m != nil {
		unit := time.Second
		switch m[2][0] | 0x20 {
		case 'm':
			unit = time.Minute
		case 'h':
			unit = time.Hour
		}
		wait = number(m[1]) * unit
	}
	return min(wait, longestAsked)
}

func number(s string) time.Duration {
	n, _ := strconv.Atoi(s) // digits, and few
	return time.Duration(n)
}

// extract finds the values of parameters that a reply's text gives.
func extract(r mail.Reply, kind words.Kind) words.Params {
	p := make(words.Params)
	put := func(name, value string) {
		if value = shorten(mail.Clean(value)); value != "" {
			p[name] = value
		}
	}
	put("ip", ourAddress(r.Text))
	put("link", strings.TrimRight(aLink.FindString(r.Text), ".,;:-"))
	switch kind {
	case "blocked":
		name, link := listOf(r)
		put("list", name)
		put("link", link)
	case "too-large":
		put("limit", sizeIn(r.Text))
	}
	return p
}

// maxParam bounds what a stranger's text brings into our sentences.
const maxParam = 200

func shorten(s string) string {
	if len(s) <= maxParam {
		return s
	}
	return "" // what is so long is no name and no link that helps
}

// listOf is the blocklist that a text means, and where it takes complaints.
func listOf(r mail.Reply) (name, link string) {
	text := strings.ToLower(r.Text)
	for _, l := range blocklists {
		if strings.Contains(text, l.mark) {
			return l.name, l.link
		}
	}
	if makeSpan("5.7.606-649").holds(ownCode(r)) {
		return "Microsoft 365", "https://sender.office.com/"
	}
	if m := listHost.FindStringSubmatch(r.Text); m != nil {
		name = strings.TrimRight(m[1], ".")
	}
	return name, ""
}

// ourAddress is the first public IP address in a text.
func ourAddress(text string) string {
	for _, s := range anIP.FindAllString(text, 8) {
		if a, err := netip.ParseAddr(s); err == nil && a.IsGlobalUnicast() && !a.IsPrivate() {
			return a.String()
		}
	}
	return ""
}

// sizeIn is the size limit that a text names, for people: "25 MB".
func sizeIn(text string) string {
	m := aSize.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(m[1], ",", ""), 10, 64)
	if err != nil {
		return ""
	}
	unit := int64(1)
	if m[2] != "" {
		switch m[2][0] | 0x20 {
		case 'k':
			unit = 1 << 10
		case 'm':
			unit = 1 << 20
		case 'g':
			unit = 1 << 30
		}
	}
	if n <= 0 || n > 1<<40/unit || n*unit < 1<<10 {
		return "" // no limit of messages
	}
	return words.Size(n * unit)
}
