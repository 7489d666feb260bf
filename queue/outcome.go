package queue

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"posthorn/mail"
)

// fate is what an attempt's reply does to a delivery.
type fate int

const (
	retry fate = iota // it waits for another attempt
	fail              // it is over and failed
	done              // it is over and well
)

// verdict is what the table says about one reply.
type verdict struct {
	fate   fate
	wait   time.Duration // at least this long until the next attempt; 0: as scheduled
	limit  time.Duration // given up after this, when that is before the item expires; 0: never
	soon   bool          // the rest of a split transaction: at once
	host   bool          // the destination's trouble and not the message's: others need not try
	notice string        // for the administrator's log; "" for nothing

	// pace slows the destination down to so many messages a minute, for paceTime;
	// 0: it gets what it takes. probe holds it, and one message asks again each so
	// long until it is taken or refused for another reason; 0: it is not held. Both
	// are holds that people see, and that survive a restart.
	pace  int
	probe time.Duration
}

// paceTime is how long a destination that asked for it is spared.
const paceTime = time.Hour

// rule is a row of the table. Empty conditions hold.
type rule struct {
	codes []int  // the reply's code is one of these
	x     string // enhanced codes, separated by spaces: "4.2.2", "*.5.3", "5.7.606-649"
	text  *regexp.Regexp
	verdict
}

// rules are the exceptions from "the first digit decides" (RFC 5321 §4.2.1), in
// order; the first that fits counts.
var rules = []rule{
	{x: "*.5.3", verdict: verdict{fate: retry, soon: true}}, // too many recipients, also as 552 (RFC 5321 §4.5.3.1.10)

	// A blocklist has our address. Waiting a day gives the administrator the
	// time to have it taken off; one message asks for all in the meantime.
	{codes: refusals, x: "5.7.606-649", verdict: blocked},
	{codes: refusals, text: regexp.MustCompile(`\bS31[45]0\b`), verdict: blocked},
	{codes: refusals, text: regexp.MustCompile(`(?i)\b(client host|your (ip|server|host)|ip address|\[?\d+\.\d+\.\d+\.\d+\]?)\b.*\b(block|black|deny) ?list|\b(client host|your ip|\d+\.\d+\.\d+\.\d+)\b.*\b(spamhaus|spamcop|barracuda)`), verdict: blocked},

	// The smarthost does not take our login: nothing is wrong with the message.
	{x: "*.7.8 *.7.9 *.7.11-14", verdict: verdict{fate: retry, wait: time.Hour, host: true, notice: "login at the next host is refused"}},

	{x: "4.7.28", verdict: verdict{fate: retry, pace: 1}},                  // "too much at once"
	{x: "4.2.2", verdict: verdict{fate: retry, limit: 3 * 24 * time.Hour}}, // full mailboxes are rarely emptied later

	// No answer, broken off, DNS, busy, TLS, no SMTP: it is the same for all.
	{codes: []int{421}, verdict: verdict{fate: retry, host: true}},
	{x: "4.3.2 4.4.1 4.4.2 4.4.3 4.4.5 4.4.8 4.5.0 4.7.4 4.7.5", verdict: verdict{fate: retry, host: true}},
}

var (
	refusals = []int{550, 552, 553, 554, 571}
	blocked  = verdict{fate: retry, probe: 15 * time.Minute, limit: 24 * time.Hour, host: true, notice: "our address is blocked there"}
)

// judge looks a reply up. A reply that is none of SMTP's is temporary: mail is
// not lost to a server that cannot speak.
func judge(r mail.Reply) verdict {
	if r.Positive() {
		return verdict{fate: done}
	}
	for _, row := range rules {
		if row.fits(r) {
			return row.verdict
		}
	}
	if r.Permanent() {
		return verdict{fate: fail}
	}
	return verdict{fate: retry}
}

func (row rule) fits(r mail.Reply) bool {
	return (row.codes == nil || slices.Contains(row.codes, r.Code)) &&
		(row.x == "" || slices.ContainsFunc(strings.Fields(row.x), func(p string) bool { return fitsX(p, r.X) })) &&
		(row.text == nil || row.text.MatchString(r.Text))
}

// fitsX compares an enhanced code with a pattern.
func fitsX(pattern string, x mail.EnhancedCode) bool {
	if x == (mail.EnhancedCode{}) {
		return false
	}
	for i, p := range strings.SplitN(pattern, ".", 3) {
		if p == "*" {
			continue
		}
		low, high, isRange := strings.Cut(p, "-")
		if !isRange {
			high = low
		}
		l, _ := strconv.Atoi(low) // a test reads all patterns
		h, _ := strconv.Atoi(high)
		if x[i] < l || x[i] > h {
			return false
		}
	}
	return true
}
