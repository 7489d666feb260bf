package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// quotaFlags are --quota and --messages.
type quotaFlags struct {
	size     string
	messages int64
}

func (q *quotaFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&q.size, "quota", "none", "`SIZE` the user's mail may have, such as 500M or 2G")
	cmd.Flags().Int64Var(&q.messages, "messages", 0, "`NUMBER` of messages the user may have, 0 for any")
}

func (q *quotaFlags) parse() (quota, error) {
	n, err := parseLimit(q.size)
	if err == nil && q.messages < 0 {
		err = fmt.Errorf("a number of messages cannot be negative")
	}
	if err != nil {
		return quota{}, usage(fmt.Errorf("quota: %w", err))
	}
	return quota{n, q.messages}, nil
}

func (c *cli) userQuotaCommand() *cobra.Command {
	var limit quotaFlags
	var mailboxes int64
	cmd := &cobra.Command{
		Use:   "quota ADDRESS SIZE",
		Short: "Set how much mail a user may have: 500M, 2G, none",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			in := userSpec{Address: args[0]}
			limit.size = args[1]
			if in.Quota, err = limit.parse(); err != nil {
				return err
			}
			if cmd.Flags().Changed("mailboxes") {
				if mailboxes < 0 {
					return usage(fmt.Errorf("a number of mailboxes cannot be negative"))
				}
				in.Mailboxes = &mailboxes
			}
			out, err := userQuota.ask(cmd.Context(), c, in)
			if err != nil {
				return err
			}
			return c.print(out, func() {
				fmt.Fprintf(c.out, "%s uses %s of %s\n", out.Address, showSize(out.Used.Bytes), showLimit(out.Limit.Bytes))
			})
		},
	}
	cmd.Flags().Int64Var(&limit.messages, "messages", 0, "`NUMBER` of messages the user may have, 0 for any")
	cmd.Flags().Int64Var(&mailboxes, "mailboxes", 0, "`NUMBER` of mailboxes the user may have, 0 for any; without it as before")
	return cmd
}
