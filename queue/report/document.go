package report

import (
	"fmt"
	"strings"
	"time"

	"posthorn/message"
	"posthorn/queue/words"
)

// document is the part for people, as a list of blocks: what text and HTML say is
// the same by construction.
type document []block

// block is a piece of it; one of its fields is set.
type block struct {
	heading string
	para    string
	list    []string // of addresses
	steps   []string
	quote   []string // lines of somebody else's
	facts   []fact
}

type fact struct{ name, value string }

// How much a person is shown.
const (
	maxShown  = 20 // addresses of one list
	maxGroups = 5
)

func (r *Report) document() document {
	f := &r.Words.Report
	d := document{{para: r.phrase(r.Action, f.Opening, nil)}}
	groups := r.groups()
	for i, g := range groups {
		if i == maxGroups {
			d = append(d, block{para: f.Others.Rest.Of(r.Words, count(groups[i:]))})
			break
		}
		d = r.story(append(d, block{list: r.addresses(g)}), &r.Recipients[g[0]])
	}
	d = r.others(d)
	d = r.original(d)
	return r.admin(d, groups)
}

// story is what there is to tell about the group of one.
func (r *Report) story(d document, one *Recipient) document {
	f := &r.Words.Report
	next := document{{heading: f.Heading.Next}, {para: r.next(one)}}
	if r.Action != Failed && r.Action != Delayed {
		return append(d, next...)
	}
	w := r.Words.Kind(one.Kind, one.Params)
	d = append(d, block{heading: f.Heading.Happened}, block{para: r.sentences(w.What)})
	d = append(d, block{heading: f.Heading.Who}, block{para: f.Who.Of(one.Who)})
	d = append(d, next...)
	if r.Action == Failed && len(w.Steps) > 0 {
		d = append(d, block{heading: f.Heading.Steps}, block{steps: w.Steps})
	}
	said := f.Heading.Found
	if one.Theirs() {
		said, _ = words.Params{"server": show(one.Status.MTA)}.Fill(f.Heading.Said)
	}
	return append(d, block{heading: said}, block{quote: quoteLines(one.Status.Reply)})
}

// sentences joins them as the language does.
func (r *Report) sentences(all []string) string {
	if r.Words.Joined() {
		return strings.Join(all, "")
	}
	return strings.Join(all, " ")
}

// next says what happens next, and when.
func (r *Report) next(one *Recipient) string {
	f := &r.Words.Report.Next
	at := one.Last
	if at.IsZero() {
		at = r.Now
	}
	if r.Action == Delayed {
		at = one.Until
	}
	p := words.Params{"time": r.time(at)}
	if r.Action == Failed && one.Expired {
		s, _ := p.Fill(f.Expired)
		return s
	}
	return r.phrase(r.Action, f.Actions, p)
}

func (r *Report) time(t time.Time) string {
	if r.Clock.Location != nil {
		t = t.In(r.Clock.Location)
	}
	return r.Words.Time(t)
}

// others tells who did get the message, and for whom it still waits.
func (r *Report) others(d document) document {
	f := &r.Words.Report.Others
	for _, part := range []struct {
		fate Fate
		says string
	}{{Done, f.Done}, {Waiting, f.Waiting}, {Gone, f.Failed}} {
		var all []string
		n := 0
		for _, o := range r.Others {
			if o.Fate != part.fate {
				continue
			}
			if n++; n <= maxShown {
				all = append(all, show(o.Path.String()))
			}
		}
		if n > 0 {
			d = append(d, block{para: part.says}, block{list: r.more(all, n)})
		}
	}
	return d
}

// more adds how many of n are not in the list.
func (r *Report) more(list []string, n int) []string {
	if n > len(list) {
		list = append(list, r.Words.Report.More.Of(r.Words, n-len(list)))
	}
	return list
}

// original helps to know which message it was.
func (r *Report) original(d document) document {
	f := &r.Words.Report
	h := message.ParseHeader(r.Original.Header)
	var facts []fact
	for _, field := range []struct{ label, name string }{{f.Label.Subject, "Subject"}, {f.Label.To, "To"}, {f.Label.Date, "Date"}} {
		if v := show(message.DecodeWords(h.Get(field.name))); v != "" {
			facts = append(facts, fact{field.label, cut(v, 200)})
		}
	}
	if len(facts) == 0 {
		return d
	}
	return append(d, block{heading: f.Heading.Original}, block{facts: facts})
}

// admin is what an administrator wants to know, for each group.
func (r *Report) admin(d document, groups []group) document {
	f := &r.Words.Report
	facts := []fact{{f.Label.QueueID, fmt.Sprintf("%s (%s)", r.Original.QueueID, r.Hostname)}}
	if id := r.Original.MessageID; id != "" {
		facts = append(facts, fact{f.Label.MessageID, "<" + cut(show(id), 200) + ">"})
	}
	facts = append(facts, fact{f.Label.Arrived, r.time(r.Original.Arrived)})
	d = append(d, block{heading: f.Heading.Admin}, block{facts: facts})
	for i, g := range groups {
		if i == maxGroups {
			break
		}
		one := &r.Recipients[g[0]]
		var facts []fact
		if len(groups) > 1 {
			facts = append(facts, fact{f.Label.To, r.addresses(g[:1])[0]})
		}
		d = append(d, block{facts: append(facts, r.attempts(one)...)})
		if r.Action == Failed || r.Action == Delayed {
			for _, hint := range r.Words.Kind(one.Kind, one.Params).Admin {
				d = append(d, block{para: hint})
			}
		}
	}
	return append(d, block{para: r.whose()})
}

// attempts are the facts of a recipient's attempts.
func (r *Report) attempts(one *Recipient) []fact {
	l := &r.Words.Report.Label
	var facts []fact
	switch {
	case one.Attempts == 1 || one.Attempts > 1 && one.First.IsZero():
		s, _ := words.Params{"time": r.time(one.Last)}.Fill(l.Once)
		facts = append(facts, fact{l.Attempts, s})
	case one.Attempts > 1:
		s, _ := words.Params{"count": fmt.Sprint(one.Attempts), "first": r.time(one.First), "last": r.time(one.Last)}.Fill(l.Often)
		facts = append(facts, fact{l.Attempts, s})
	}
	if one.Code[0] != 0 {
		facts = append(facts, fact{l.Status, one.Code.String()})
	}
	link := one.Status.Link
	host := show(one.Status.MTA)
	if link.Remote.IsValid() && host != "["+link.Remote.String()+"]" {
		host = strings.TrimSpace(host + " [" + link.Remote.String() + "]")
	}
	if host != "" {
		facts = append(facts, fact{l.Host, host})
	}
	if link.Local.IsValid() {
		encryption := show(link.TLS)
		if encryption == "" {
			encryption = l.Clear
		}
		facts = append(facts, fact{l.Source, link.Local.String()}, fact{l.TLS, encryption})
	}
	return facts
}

// whose says by whose clock the times are.
func (r *Report) whose() string {
	z := &r.Words.Report.Zones
	s, name := z.Server, r.Now.Location().String()
	if r.Clock.Location != nil {
		name = r.Clock.Location.String()
		switch r.Clock.Whose {
		case Yours:
			s = z.Yours
		case Written:
			s = z.Clock
		}
	}
	if name == "Local" || name == "" {
		name = words.Offset(r.Now)
		if r.Clock.Location != nil {
			name = words.Offset(r.Now.In(r.Clock.Location))
		}
	}
	s, _ = words.Params{"zone": name}.Fill(s)
	return s
}
