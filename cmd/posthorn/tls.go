package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"posthorn/internal/dns"
	"posthorn/store"
)

var tlsResults = verb[tlsQuestion, []tlsFacts]{"tls", (*admin).tlsResults}

// tlsQuestion is what `posthorn tls` asks for.
type tlsQuestion struct {
	Domain string `json:"domain"` // "" is all
	Days   int    `json:"days"`   // today and those before it
}

// tlsFacts is how TLS worked with a domain's servers on one day, under one policy.
type tlsFacts struct {
	Day       string            `json:"day"`
	Domain    string            `json:"domain"`
	Policy    string            `json:"policy"`                // as RFC 8460 §4.2 calls it
	Published []string          `json:"policy_text,omitempty"` // its lines
	Successes int64             `json:"successes"`
	Failures  []tlsFailureFacts `json:"failures,omitempty"`
}

type tlsFailureFacts struct {
	Result   string `json:"result"` // as RFC 8460 §4.3 calls it
	MTA      string `json:"mta"`
	Address  string `json:"address"`
	Ours     string `json:"our_address,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Sessions int64  `json:"sessions"`
}

func (a *admin) tlsResults(ctx context.Context, q tlsQuestion) ([]tlsFacts, error) {
	domain, err := dns.ToASCII(strings.ToLower(strings.TrimSuffix(q.Domain, ".")))
	if err != nil {
		return nil, usage(fmt.Errorf("domain %s: %w", q.Domain, err))
	}
	results, err := a.store.TLSResults(ctx, time.Now().AddDate(0, 0, 1-q.Days), domain)
	facts := []tlsFacts{}
	for _, r := range results {
		facts = append(facts, showTLS(r))
	}
	return facts, err
}

func showTLS(r store.TLSPolicy) tlsFacts {
	f := tlsFacts{Day: r.Day.Format(time.DateOnly), Domain: r.Domain, Policy: r.Kind, Successes: r.Successes}
	if r.Text != "" {
		f.Published = strings.Split(strings.ReplaceAll(strings.TrimSpace(r.Text), "\r\n", "\n"), "\n")
	}
	for _, x := range r.Failures {
		f.Failures = append(f.Failures, tlsFailureFacts(x))
	}
	return f
}

func (c *cli) tlsCommand() *cobra.Command {
	var q tlsQuestion
	cmd := &cobra.Command{
		Use:   "tls [DOMAIN]",
		Short: "Show how encryption with other domains' servers worked, a minute late",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if q.Days < 1 {
				return usage(fmt.Errorf("--days: %d is less than one", q.Days))
			}
			if q.Days > 14 {
				return usage(fmt.Errorf("--days: %d is more than the 14 that are kept", q.Days))
			}
			if len(args) > 0 {
				q.Domain = args[0]
			}
			out, err := tlsResults.ask(cmd.Context(), c, q)
			if err != nil {
				return err
			}
			return c.print(out, func() { c.tlsTable(out) })
		},
	}
	cmd.Flags().IntVar(&q.Days, "days", 2, "how many days of UTC, up to 14; 1 is today")
	return cmd
}

// tlsTable prints a line for what went well, and one for each failure.
func (c *cli) tlsTable(all []tlsFacts) {
	var rows [][]string
	for _, f := range all {
		if f.Successes > 0 || len(f.Failures) == 0 {
			rows = append(rows, []string{f.Day, f.Domain, f.Policy, fmt.Sprint(f.Successes), "ok", "-", ""})
		}
		for _, x := range f.Failures {
			rows = append(rows, []string{f.Day, f.Domain, f.Policy, fmt.Sprint(x.Sessions), x.Result, x.MTA + " [" + x.Address + "]", x.Reason})
		}
	}
	c.table("DAY DOMAIN POLICY SESSIONS RESULT HOST REASON", rows, "no connections to other domains' servers have been counted")
}
