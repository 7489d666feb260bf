package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"posthorn/internal/serve"
)

const traceHelp = `Show what became of a message: from whom it came and how, into which mailbox
it went or to which host, each attempt with the words of the other server, and
each report that was sent about it. What was refused is on record too.

  posthorn trace 51ZC0TEAFPAP4         the life of one message, by its queue id, which
                                       is in Received, in the log and in each report
  posthorn trace bob@example.org       the messages from and to an address, newest first
  posthorn trace '<1234@example.org>'  by Message-ID

Nothing of a message's content is on record, its subject neither. How long the
record is kept says [log] events; 30 days unless it says otherwise.`

func (c *cli) traceCommand() *cobra.Command {
	var since string
	ask := traceQuestion{}
	cmd := &cobra.Command{
		Use:   "trace ADDRESS|MESSAGE-ID|QUEUE-ID",
		Short: "Show what became of a message",
		Long:  traceHelp,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			ask.What = args[0]
			if ask.Since, err = parseSince(since, time.Now()); err != nil {
				return usage(fmt.Errorf("--since: %w", err))
			}
			if ask.Limit < 1 || ask.Limit > 10_000 {
				return usage(errors.New("--limit is from 1 to 10000"))
			}
			out, err := traceMail.ask(cmd.Context(), c, ask)
			if err != nil {
				return err
			}
			return c.print(out, func() { c.printTrace(out, ask) })
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "only messages of the last `TIME`, such as 2d or 3h, or since a date such as 2026-11-02 or \"2026-11-02 14:30\"")
	cmd.Flags().IntVar(&ask.Limit, "limit", 50, "list at most so `MANY` messages")
	return cmd
}

// parseSince reads a time that is given as an age or a date; "" is the zero time.
func parseSince(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	var d serve.Duration
	if err := d.UnmarshalText([]byte(s)); err == nil && d > 0 {
		return now.Add(-time.Duration(d)), nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.DateTime, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf(`%q is neither an age such as 3h or 2d nor a date such as 2026-11-02 or "2026-11-02 14:30"`, s)
}

func (c *cli) printTrace(out traced, ask traceQuestion) {
	if out.Life != nil {
		c.printLife(out)
		return
	}
	var rows [][]string
	for _, m := range out.Messages {
		rows = append(rows, []string{when(m.At), m.QueueID, or(m.From, "<>"), people(m.To), m.Outcome, or(or(m.Means, m.Status), "-")})
	}
	c.table("TIME ID FROM TO OUTCOME STATUS", rows, "")
	if out.More {
		fmt.Fprintf(c.out, "\nThere are more than these %d: see --limit and --since.\n", len(rows))
	}
	fmt.Fprintf(c.out, "\nposthorn trace ID shows the life of one.\n")
}

// people names some of many recipients.
func people(to []string) string {
	switch len(to) {
	case 0:
		return "-"
	case 1:
		return or(to[0], "-")
	}
	return fmt.Sprintf("%s and %d more", to[0], len(to)-1)
}

// printLife tells a life in order; what was said stands below what happened.
func (c *cli) printLife(out traced) {
	first := out.Life[0]
	c.facts("from", or(first.From, "<>"), "message-id", or(first.MessageID, "-"))
	fmt.Fprintln(c.out)
	many := slices.ContainsFunc(out.Life, func(e eventFacts) bool { return e.QueueID != first.QueueID })
	for i := 0; i < len(out.Life); {
		to := []string{out.Life[i].To}
		e := out.Life[i]
		for i++; i < len(out.Life) && e.Kind == "accepted" && out.Life[i].Kind == e.Kind && out.Life[i].QueueID == e.QueueID; i++ {
			to = append(to, out.Life[i].To)
		}
		id := ""
		if many {
			id = e.QueueID + "  "
		}
		fmt.Fprintf(c.out, "%s  %s%-9s  %s\n", when(e.At), id, oneLine(e.Kind), oneLine(e.headline(to)))
		for _, line := range e.below() {
			fmt.Fprintf(c.out, "%*s%s\n", len(time.DateTime)+2+len(id)+11, "", oneLine(line))
		}
	}
	if out.More {
		fmt.Fprintln(c.out, "There is more than is shown here.")
	}
	for _, d := range out.Waiting {
		fmt.Fprintf(c.out, "\n%s still waits: %s.\n", oneLine(d.To), d.waits(time.Now()))
	}
}

// headline says in a line what happened.
func (e eventFacts) headline(to []string) string {
	switch e.Kind {
	case "accepted", "refused":
		s := people(to) + " from " + or(e.From, "<>")
		if e.MTA != "" {
			s += ", by " + e.MTA
		}
		return s
	case "delivered":
		return e.To + or(prefixed(", into ", e.Detail), ", into no mailbox")
	case "forwarded":
		return e.To + prefixed(" to ", e.Detail) + prefixed(" as ", e.Linked)
	case "reported":
		return e.To + prefixed(": its sender was told, ", e.Detail) + prefixed(", by ", e.Linked)
	}
	return e.To + prefixed(" at ", e.MTA)
}

// below is what else is known, a line each.
func (e eventFacts) below() (lines []string) {
	switch e.Kind {
	case "accepted":
		if e.Login != "" && e.Login != "local" {
			lines = append(lines, "login "+e.Login)
		}
		lines = append(lines, e.Detail, prefixed("from message ", e.Linked))
	case "reported", "forwarded", "delivered":
	default:
		for line := range strings.SplitSeq(e.Status, "\n") {
			lines = append(lines, prefixed("> ", line))
		}
		lines = append(lines, e.Means, e.Detail, prefixed("see message ", e.Linked))
	}
	return slices.DeleteFunc(lines, func(s string) bool { return s == "" })
}

// prefixed is s behind some words, or nothing.
func prefixed(words, s string) string {
	if s == "" {
		return ""
	}
	return words + s
}
