package words

import (
	"golang.org/x/text/feature/plural"
)

// Frame is the sentences of a report around those of its kinds. Parameters stand
// in braces as there.
type Frame struct {
	From     string   `toml:"from"`     // who writes
	Date     string   `toml:"date"`     // {weekday} {day} {month} {year} {hour} {minute} {zone}
	Weekdays []string `toml:"weekdays"` // from Sunday, as they stand in a date
	Months   []string `toml:"months"`   // from January, as they stand in a date

	// Days of a month, by number, that a date has in another form: 1 is "1er" in French.
	Days map[string]string `toml:"days"`

	Zones      Zones    `toml:"zones"`
	Recipients Plural   `toml:"recipients"` // {count} recipients
	More       Plural   `toml:"more"`       // and {count} more
	Subject    Actions  `toml:"subject"`    // {recipients}
	Opening    Actions  `toml:"opening"`    // before the list of recipients
	Next       Next     `toml:"next"`       // what happens next
	Who        Menders  `toml:"who"`        // can mend it
	Heading    Headings `toml:"heading"`
	Others     Others   `toml:"others"`
	Label      Labels   `toml:"label"`
}

// Zones say whose clock times are by: {zone}.
type Zones struct {
	Yours  string `toml:"yours"`  // the account's
	Clock  string `toml:"clock"`  // the one the message was written by
	Server string `toml:"server"` // the server's
}

// Plural is a phrase by the CLDR's categories of cardinal numbers; those that a
// language does not have are empty.
type Plural struct {
	One   string `toml:"one"`
	Few   string `toml:"few"`
	Many  string `toml:"many"`
	Other string `toml:"other"`
}

// Actions are sentences by the Action of RFC 3464 §2.3.3.
type Actions struct {
	Failed    string `toml:"failed"`
	Delayed   string `toml:"delayed"`
	Relayed   string `toml:"relayed"`
	Delivered string `toml:"delivered"`
	Expanded  string `toml:"expanded"`
}

// Next says what happens next: {time} is that of the last attempt or, of what is
// delayed, the end.
type Next struct {
	Actions
	Expired string `toml:"expired"` // failed because time was up
}

// Menders say who can mend it.
type Menders struct {
	Sender    string `toml:"sender"`
	Us        string `toml:"us"`
	Them      string `toml:"them"`
	Recipient string `toml:"recipient"`
}

// Of is the sentence about w.
func (m Menders) Of(w Who) string {
	switch w {
	case Sender:
		return m.Sender
	case Us:
		return m.Us
	case Recipient:
		return m.Recipient
	}
	return m.Them
}

// Headings of the parts of a report.
type Headings struct {
	Happened string `toml:"happened"`
	Who      string `toml:"who"`
	Next     string `toml:"next"`
	Steps    string `toml:"steps"`
	Said     string `toml:"said"`  // {server}: before its own words
	Found    string `toml:"found"` // before what our server made of it
	Original string `toml:"original"`
	Admin    string `toml:"admin"`
}

// Others are those of the same message that a report is not about.
type Others struct {
	Done    string `toml:"done"`
	Waiting string `toml:"waiting"`
	Failed  string `toml:"failed"`
	Rest    Plural `toml:"rest"` // {count} recipients that the report has no room for
}

// Labels of facts.
type Labels struct {
	Subject   string `toml:"subject"`
	To        string `toml:"to"`
	Date      string `toml:"date"`
	MessageID string `toml:"message_id"`
	QueueID   string `toml:"queue_id"`
	Arrived   string `toml:"arrived"`
	Attempts  string `toml:"attempts"`
	Once      string `toml:"once"`  // one attempt: {time}
	Often     string `toml:"often"` // several: {count}, {first}, {last}
	Status    string `toml:"status"`
	Host      string `toml:"host"`
	Source    string `toml:"source"` // our address
	TLS       string `toml:"tls"`
	Clear     string `toml:"clear"` // no TLS
}

// Of is the phrase for n, which stands in it as {count}, in the language of c.
func (p Plural) Of(c *Catalogue, n int) string {
	phrase := p.Other
	switch plural.Cardinal.MatchPlural(c.tag, n, 0, 0, 0, 0) {
	case plural.One:
		phrase = p.One
	case plural.Few:
		phrase = p.Few
	case plural.Many:
		phrase = p.Many
	}
	if phrase == "" { // a category that occurs with fractions only, or with millions
		phrase = p.Other
	}
	s, _ := Params{"count": c.number(n)}.Fill(phrase)
	return s
}
