package queue

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/queue/words"
)

// What a reply does to a delivery, and what is said about it, is looked up in one
// table (outcome_table.go). A row holds a condition, a verdict and the kind of
// words. What remote texts say is found by the rules in outcome_text.go.

// fate is what an attempt's reply does to a delivery.
type fate int

const (
	digit fate = iota // only in the table: as the first digit says (RFC 5321 §4.2.1)
	retry             // it waits for another attempt
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
	notice string        // the subject of a letter to the administrator (alarm.go), %s is the destination; "" for none

	// pace slows the destination down to so many messages a minute, for paceTime;
	// 0: it gets what it takes. probe holds it, and one message asks again each so
	// long until it is taken or refused for another reason; 0: it is not held. Both
	// are holds that people see, and that survive a restart.
	pace  int
	probe time.Duration
}

// paceTime is how long a destination that asked for it is spared.
const paceTime = time.Hour

// row is one of the table. Conditions that are empty hold.
type row struct {
	ours  string // the name of a reply of ours (mail/replies.go)
	class int    // the first digit of the reply
	codes []int  // the reply's code is one of these
	x     string // enhanced codes, separated by spaces: "4.2.2", "*.5.3", "5.7.606-649"
	codex []span // what x means
	says  sign   // what the text says
	verdict

	kind words.Kind
	who  words.Who
	// status is the enhanced code without its class, for a report about a reply
	// that has none.
	status string
}

// judge looks a reply up.
func judge(r mail.Reply) verdict {
	v, _ := lookup(r)
	return v
}

// lookup finds the first row that fits. A reply that is none of SMTP's is
// temporary: mail is not lost to a server that cannot speak.
func lookup(r mail.Reply) (verdict, row) {
	if r.Positive() {
		return verdict{fate: done}, row{status: "0.0"}
	}
	said, x := says(r), ownCode(r)
	i := slices.IndexFunc(table, func(w row) bool { return w.fits(r, x, said) })
	w := table[i] // the last row fits all
	v := w.verdict
	switch {
	case v.fate != digit:
	case r.Permanent():
		v.fate = fail
	default:
		v.fate = retry
	}
	if asked := askedWait(r); v.fate == retry && asked > v.wait {
		v.wait = asked
	}
	return v, w
}

// says is what the text of r says. Our own need no guess.
func says(r mail.Reply) sign {
	if r.Name != "" {
		return ""
	}
	return readSign(r.Text)
}

func (w row) fits(r mail.Reply, x mail.EnhancedCode, said sign) bool {
	return (w.ours == "" || w.ours == r.Name) &&
		(w.class == 0 || w.class == r.Code/100) &&
		(w.codes == nil || slices.Contains(w.codes, r.Code)) &&
		(w.x == "" || slices.ContainsFunc(w.codex, func(s span) bool { return s.holds(x) })) &&
		(w.says == "" || w.says == said)
}

// span is the enhanced codes from low to high, number by number.
type span struct{ low, high mail.EnhancedCode }

// makeSpan reads a pattern such as "4.2.2", "*.5.3" or "5.7.606-649".
func makeSpan(pattern string) (s span) {
	for i, p := range strings.SplitN(pattern, ".", 3) {
		if p == "*" {
			s.high[i] = 999
			continue
		}
		low, high, isRange := strings.Cut(p, "-")
		if !isRange {
			high = low
		}
		s.low[i], _ = strconv.Atoi(low) // a test reads all patterns
		s.high[i], _ = strconv.Atoi(high)
	}
	return s
}

// holds tells whether x is one of them; none is.
func (s span) holds(x mail.EnhancedCode) bool {
	for i := range x {
		if x[i] < s.low[i] || x[i] > s.high[i] {
			return false
		}
	}
	return x != mail.EnhancedCode{}
}

// withCodes reads the patterns of a table.
func withCodes(rows []row) []row {
	for i, w := range rows {
		for p := range strings.FieldsSeq(w.x) {
			rows[i].codex = append(rows[i].codex, makeSpan(p))
		}
	}
	return rows
}

// ownCode is the enhanced code that the reply brings, at its beginning or as
// qmail and its children write it, "(#5.1.1)" at the end; zero when it has none.
// The first digit of the reply is its class: it decides (RFC 5321 §4.2.1), and a
// code that contradicts it is a mistake.
func ownCode(r mail.Reply) mail.EnhancedCode {
	x := r.X
	if x == (mail.EnhancedCode{}) && r.Name == "" {
		x = codeInText(r.Text)
	}
	if x != (mail.EnhancedCode{}) && r.Code >= 200 && r.Code < 600 {
		x[0] = r.Code / 100
	}
	return x
}

// Finding is what Posthorn makes of a reply, for whoever tells it to people.
type Finding struct {
	Kind   words.Kind // "" for a positive reply
	Who    words.Who  // can mend it
	Params words.Params
	// Status is the enhanced code of a report about it (RFC 3464 §2.3.4). That field
	// is our statement: the words of the remote server stand in Diagnostic-Code. So
	// its own code is kept, the class mended by the reply's first digit; where it has
	// none, the status says what the text says without doubt ("user unknown" is
	// X.1.1), for X.0.0 means that only the class is known (RFC 3463 §3.1).
	Status mail.EnhancedCode

	Decision Decision
	Wait     time.Duration // at least so long until the next attempt; 0: as scheduled
	Limit    time.Duration // given up after this; 0: when the message expires
	Pace     int           // messages a minute that the destination gets for an hour; 0: as many as it takes
	Told     bool          // the administrator is told
}

// Decision is what becomes of a delivery.
type Decision string

// Decisions.
const (
	Deliver Decision = "deliver" // it is delivered
	Retry   Decision = "retry"   // it is tried again
	Hold    Decision = "hold"    // so is it, and the destination is held: one message asks every Wait
	Fail    Decision = "fail"    // it is not tried again
)

// Classify looks a reply up.
func Classify(r mail.Reply) Finding {
	v, w := lookup(r)
	f := Finding{Kind: w.kind, Who: w.who, Status: status(r, w), Wait: v.wait, Limit: v.limit, Pace: v.pace, Told: v.notice != ""}
	switch {
	case v.fate == done:
		f.Decision = Deliver
	case v.fate == fail:
		f.Decision = Fail
	case v.probe > 0:
		f.Decision, f.Wait = Hold, v.probe
	default:
		f.Decision = Retry
	}
	if r.Name == "" {
		f.Params = extract(r, w.kind)
	}
	return f
}

func status(r mail.Reply, w row) mail.EnhancedCode {
	if x := ownCode(r); x != (mail.EnhancedCode{}) {
		return x
	}
	class := r.Code / 100
	if class != 2 && class != 5 {
		class = 4
	}
	subject, detail, _ := strings.Cut(w.status, ".")
	s, _ := strconv.Atoi(subject) // a test reads all of them
	d, _ := strconv.Atoi(detail)
	return mail.EnhancedCode{class, s, d}
}
