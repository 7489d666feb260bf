package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"posthorn/mail"
	"posthorn/queue"
	"posthorn/queue/words"
)

// maxPasted bounds what explain reads from its input.
const maxPasted = 1 << 20

// explained is what explain prints.
type explained struct {
	Reply    string   `json:"reply"`
	Kind     string   `json:"kind,omitempty"` // "" when nothing is wrong
	What     []string `json:"what"`
	Decision string   `json:"decision"` // "deliver", "retry", "hold" or "fail"
	// WaitSeconds is at least until the next attempt; 0: as the schedule says.
	WaitSeconds int `json:"wait_seconds,omitempty"`
	// LimitSeconds is after how long it is given up; 0: when the message expires.
	LimitSeconds int      `json:"limit_seconds,omitempty"`
	PerMinute    int      `json:"per_minute,omitempty"` // messages that the destination then gets for an hour
	Told         bool     `json:"told"`                 // whether the administrator is
	Decided      []string `json:"decided"`
	Who          string   `json:"who,omitempty"` // "sender", "us", "them" or "recipient"
	Steps        []string `json:"steps,omitempty"`
	Admin        []string `json:"admin,omitempty"`
	Status       string   `json:"status,omitempty"` // in a report (RFC 3464 §2.3.4)
	Language     string   `json:"language"`
}

func (c *cli) explainCommand() *cobra.Command {
	var lang string
	cmd := &cobra.Command{
		Use:   "explain CODE|REPLY...",
		Short: "Tell what a mail server's answer means, what is done about it and who can mend it",
		Long: `Tell what a mail server's answer means, what is done about it and who can mend it.

The answer may be a code (5.7.26, 421), a reply of one line or several, or a line of
a log or of a report; "-" reads it from the input. Neither a server nor a data folder
is needed.`,
		Example: `  posthorn explain "550 5.7.26 Your email has been blocked because the sender is unauthenticated"
  posthorn explain 4.2.2
  posthorn explain - < bounce.txt`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			text := strings.Join(args, " ")
			if text == "-" {
				data, err := io.ReadAll(io.LimitReader(c.in, maxPasted))
				if err != nil {
					return fmt.Errorf("read the reply: %w", err)
				}
				text = string(data)
			}
			r, err := queue.ReadReply(text)
			if err != nil {
				return fmt.Errorf("%q: %w", cutText(mail.Clean(text), 100), err)
			}
			e := explain(r, words.Choose(lang))
			return c.print(e, func() { c.printExplained(e) })
		},
	}
	cmd.Flags().StringVar(&lang, "lang", words.English, "language of the explanation: "+strings.Join(words.Languages(), ", "))
	return cmd
}

// unknown stands in hints for what only the message would tell.
var unknown = words.Params{
	"domain": "THEIR-DOMAIN", "server": "THEIR-SERVER", "sender": "THE-SENDER", "our_domain": "OUR-DOMAIN",
	"ip": "OUR-ADDRESS", "hostname": "OUR-NAME", "selector": "SELECTOR",
}

func explain(r mail.Reply, cat *words.Catalogue) explained {
	f := queue.Classify(r)
	e := explained{
		Reply: strings.TrimSpace(r.String()), Kind: string(f.Kind), Decision: string(f.Decision), Who: string(f.Who), Told: f.Told, PerMinute: f.Pace,
		WaitSeconds: int(f.Wait.Seconds()), LimitSeconds: int(f.Limit.Seconds()), Status: f.Status.String(), Language: cat.Language,
	}
	if f.Kind == "" {
		e.What = []string{"The mail server takes it: nothing is wrong."}
		return e
	}
	p := make(words.Params)
	for k, v := range unknown {
		p[k] = v
	}
	for k, v := range f.Params {
		p[k] = v
	}
	w := cat.Kind(f.Kind, p)
	e.What, e.Steps, e.Admin = w.What, w.Steps, w.Admin
	e.Decided = decided(f)
	return e
}

// decided says what Posthorn does about it.
func decided(f queue.Finding) (all []string) {
	switch f.Decision {
	case queue.Fail:
		all = append(all, "The message is not tried again; its sender gets a report.")
	case queue.Hold:
		all = append(all, fmt.Sprintf("Mail for the destination waits. One message asks again every %s, and when it is taken the others follow.", span(f.Wait)))
	default:
		all = append(all, "The message waits and is tried again.")
		if f.Wait > 0 {
			all = append(all, fmt.Sprintf("The next attempt is not sooner than in %s.", span(f.Wait)))
		}
	}
	if f.Limit > 0 {
		all = append(all, fmt.Sprintf("After %s it is given up, and its sender gets a report.", span(f.Limit)))
	}
	if f.Pace > 0 {
		all = append(all, fmt.Sprintf("For an hour the destination gets no more than %d a minute.", f.Pace))
	}
	if f.Told {
		all = append(all, "The administrator is told by mail, once a day.")
	}
	return all
}

// span is a time in words: "15 minutes", "3 days".
func span(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int(d / u.unit); n > 0 && d%u.unit == 0 {
			if n == 1 {
				return "1 " + u.name
			}
			return fmt.Sprintf("%d %ss", n, u.name)
		}
	}
	return d.Round(time.Second).String()
}

// menders are the words for who can mend it.
var menders = map[string]string{
	string(words.Sender): "its sender", string(words.Us): "the administrator of this server",
	string(words.Them): "the people who run the other server", string(words.Recipient): "the recipient",
}

func (c *cli) printExplained(e explained) {
	fmt.Fprintln(c.out, e.Reply)
	c.section("What it means", e.What)
	c.section("What Posthorn does", e.Decided)
	if e.Who != "" {
		c.section("Who can mend it", []string{menders[e.Who]})
	}
	c.section("What the sender can do", e.Steps)
	c.section("For the administrator", e.Admin)
	if e.Status != "" {
		fmt.Fprintf(c.out, "\nStatus in a report: %s\n", e.Status)
	}
}

// section prints sentences below a heading; nothing when there are none.
func (c *cli) section(heading string, sentences []string) {
	if len(sentences) == 0 {
		return
	}
	fmt.Fprintf(c.out, "\n%s\n", heading)
	for _, s := range sentences {
		fmt.Fprintf(c.out, "  %s\n", s)
	}
}

// cutText is s in at most n characters.
func cutText(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + " ..."
	}
	return s
}
