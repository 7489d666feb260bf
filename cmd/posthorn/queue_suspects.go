package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
)

const suspectsHelp = `List the accounts whose mail other hosts have refused for good within a day, and
the addresses that refuse mail again and again: take them off mailing lists. An
address is forgotten when it takes mail again, or thirty days after its last
refusal. An account that is refused by too many is held by the server itself, see
hold_refused in [queue].`

func (c *cli) queueSuspectsCommand() *cobra.Command {
	ask := suspectQuestion{}
	cmd := &cobra.Command{
		Use:   "suspects",
		Short: "List addresses and accounts whose mail is refused again and again",
		Long:  suspectsHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if ask.Refusals < 1 || ask.Limit < 1 {
				return usage(errors.New("--refusals and --limit are 1 at least"))
			}
			out, err := queueSuspects.ask(cmd.Context(), c, ask)
			if err != nil {
				return err
			}
			return c.print(out, func() { c.printSuspects(out) })
		},
	}
	cmd.Flags().IntVar(&ask.Refusals, "refusals", 3, "from so `MANY` refusals on")
	cmd.Flags().IntVar(&ask.Limit, "limit", 50, "at most so `MANY` of each")
	return cmd
}

func (c *cli) printSuspects(out suspects) {
	var rows [][]string
	for _, a := range out.Accounts {
		state := "-"
		if a.Held {
			state = "held"
		}
		rows = append(rows, []string{a.Login, strconv.FormatInt(a.Tried, 10), strconv.FormatInt(a.Refused, 10), fmt.Sprintf("%d%%", a.Refused*100/max(1, a.Tried)), state})
	}
	c.table("ACCOUNT TRIED REFUSED SHARE STATE", rows, "no account's mail is refused much")
	fmt.Fprintln(c.out)
	rows = nil
	for _, a := range out.Addresses {
		rows = append(rows, []string{a.Address, strconv.FormatInt(a.Refusals, 10), when(a.First), when(a.Last), or(a.Login, "-"), or(a.Means, a.Status)})
	}
	c.table("ADDRESS REFUSALS FIRST LAST WRITER WHY", rows, "no address refuses mail again and again")
}
