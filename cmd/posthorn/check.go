package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

var checkStore = verb[bool, []problem]{"check", (*admin).check}

// problem is one finding of `check`.
type problem struct {
	Invariant string `json:"invariant"` // S1 to S8 of docs/store.md, DB for the database file itself
	Account   string `json:"account,omitempty"`
	Mailbox   string `json:"mailbox,omitempty"`
	Path      string `json:"path,omitempty"`
	What      string `json:"what"`
	Do        string `json:"do,omitempty"` // what the administrator can do
	Fixed     string `json:"fixed,omitempty"`
}

func (a *admin) check(ctx context.Context, fix bool) ([]problem, error) {
	ps, err := a.store.Check(ctx, fix, nil)
	out := make([]problem, 0, len(ps))
	for _, p := range ps {
		out = append(out, problem(p))
	}
	return out, err
}

func (c *cli) checkCommand() *cobra.Command {
	var fix bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Compare the index with the folders, exit 1 when something is wrong",
		Long:  "Verifies the invariants S1 to S8 of docs/store.md. With --fix what can be repaired is; a message file that the index does not know is filed in the mailbox Recovered, never deleted.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ps, err := checkStore.ask(cmd.Context(), c, fix)
			if err != nil {
				return err
			}
			open := 0
			for _, p := range ps {
				if p.Fixed == "" {
					open++
				}
			}
			if err := c.print(ps, func() { c.problems(ps) }); err != nil {
				return err
			}
			if open > 0 {
				return exitError{exitFailed, errSaid}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&fix, "fix", false, "repair what can be repaired")
	return cmd
}

// problems prints each as a line with what belongs to it below.
func (c *cli) problems(ps []problem) {
	if len(ps) == 0 {
		fmt.Fprintln(c.out, "everything is in order")
		return
	}
	fixed := 0
	for _, p := range ps {
		where := strings.TrimSpace(p.Account + " " + p.Mailbox)
		fmt.Fprintf(c.out, "%s  %s  %s\n", p.Invariant, or(where, "-"), p.What)
		if p.Path != "" {
			fmt.Fprintf(c.out, "    file:  %s\n", p.Path)
		}
		if p.Fixed != "" {
			fixed++
			fmt.Fprintf(c.out, "    fixed: %s\n", p.Fixed)
		}
		if p.Do != "" {
			fmt.Fprintf(c.out, "    do:    %s\n", p.Do)
		}
	}
	fmt.Fprintf(c.out, "\n%d %s, %d fixed\n", len(ps), plural(len(ps), "problem", "problems"), fixed)
}
