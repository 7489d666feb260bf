package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"posthorn/queue/words"
)

func (c *cli) userCommand() *cobra.Command {
	return group("user", "The people who have mail here",
		c.userAddCommand(), c.userListCommand(), c.userShowCommand(), c.userPasswdCommand(), c.userQuotaCommand(),
		c.userLanguageCommand(), c.userAdminCommand(),
		c.userSwitchCommand("disable", "Refuse a user's mail and logins, and keep what is there", false),
		c.userSwitchCommand("enable", "Let a disabled user in again", true),
		c.userRemoveCommand())
}

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

func (c *cli) userAddCommand() *cobra.Command {
	var limit quotaFlags
	var stdin, admin bool
	cmd := &cobra.Command{
		Use:   "add ADDRESS",
		Short: "Add a user; asks for the password",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			in := userSpec{Address: args[0], Admin: admin}
			if in.Quota, err = limit.parse(); err != nil {
				return err
			}
			if in.Password, err = c.password(cmd.Context(), in.Address, stdin); err != nil {
				return err
			}
			out, err := userAdd.ask(cmd.Context(), c, in)
			if err != nil {
				return err
			}
			return c.print(out, func() { fmt.Fprintln(c.out, out.Address, "is added") })
		},
	}
	limit.add(cmd)
	cmd.Flags().BoolVar(&admin, "admin", false, "let the user set the quotas of others over IMAP")
	passwordFlag(cmd, &stdin)
	return cmd
}

func (c *cli) userListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the users with their use and quota",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out, err := userList.ask(cmd.Context(), c, none{})
			if err != nil {
				return err
			}
			return c.print(out, func() {
				var rows [][]string
				for _, u := range out {
					rows = append(rows, []string{u.Address, u.state(), strconv.FormatInt(u.Used.Messages, 10),
						showSize(u.Used.Bytes), showLimit(u.Limit.Bytes), when(u.Created)})
				}
				c.table("USER STATE MESSAGES USED QUOTA CREATED", rows, "no users yet: posthorn user add ADDRESS")
			})
		},
	}
}

// ofLimit shows a number of recipients, and how many there may be; 0 is any number.
func ofLimit(n, limit int) string {
	if limit == 0 {
		return counted(n, "recipient")
	}
	return fmt.Sprintf("%d of %d recipients", n, limit)
}

func (u userFacts) state() string {
	if u.Enabled {
		return "enabled"
	}
	return "disabled"
}

func (c *cli) userShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show ADDRESS",
		Short: "Show a user with mailboxes and aliases",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			u, err := userShow.ask(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			return c.print(u, func() { c.printUser(u) })
		},
	}
}

func (c *cli) printUser(u userFacts) {
	messages := "any"
	if u.Limit.Messages > 0 {
		messages = strconv.FormatInt(u.Limit.Messages, 10)
	}
	mailboxes := "any"
	if u.Boxes > 0 {
		mailboxes = strconv.FormatInt(u.Boxes, 10)
	}
	c.facts("user", u.Address, "state", u.state(), "created", when(u.Created), "folder", "accounts/"+u.Folder,
		"used", fmt.Sprintf("%s in %d messages", showSize(u.Used.Bytes), u.Used.Messages),
		"quota", fmt.Sprintf("%s, %s messages, %s mailboxes", showLimit(u.Limit.Bytes), messages, mailboxes),
		"sent to", fmt.Sprintf("%s within an hour, %s within a day", ofLimit(u.Sent.Hour, u.Sent.HourLimit), ofLimit(u.Sent.Day, u.Sent.DayLimit)))
	if u.Admin {
		c.facts("admin", "yes")
	}
	if u.Language+u.Zone != "" {
		c.facts("written to", or(u.Language, "in the message's language")+", "+or(u.Zone, "in the message's time zone"))
	}
	for _, a := range u.Aliases {
		c.facts("alias", a)
	}
	fmt.Fprintln(c.out)
	var rows [][]string
	for _, b := range u.Mailboxes {
		rows = append(rows, []string{b.Name, or(b.Role, "-"), strconv.FormatInt(b.Messages, 10), strconv.FormatInt(b.Unseen, 10), showSize(b.Bytes)})
	}
	c.table("MAILBOX USE MESSAGES UNSEEN SIZE", rows, "no mailboxes")
}

func (c *cli) userPasswdCommand() *cobra.Command {
	var stdin bool
	cmd := &cobra.Command{
		Use:   "passwd ADDRESS",
		Short: "Give a user a new password",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			in := userSpec{Address: args[0]}
			if in.Password, err = c.password(cmd.Context(), in.Address, stdin); err != nil {
				return err
			}
			out, err := userPassword.ask(cmd.Context(), c, in)
			if err != nil {
				return err
			}
			return c.print(out, func() { fmt.Fprintln(c.out, args[0], "has a new password") })
		},
	}
	passwordFlag(cmd, &stdin)
	return cmd
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

func (c *cli) userLanguageCommand() *cobra.Command {
	var zone string
	cmd := &cobra.Command{
		Use:   "language ADDRESS [LANGUAGE]",
		Short: "Set in which language reports to a user are: " + strings.Join(words.Languages(), ", ") + ", none",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := userSpec{Address: args[0]}
			if len(args) == 2 {
				in.Language = chosen(args[1])
			}
			if cmd.Flags().Changed("zone") {
				in.Zone = chosen(zone)
			}
			out, err := userLanguage.ask(cmd.Context(), c, in)
			if err != nil {
				return err
			}
			return c.print(out, func() {
				fmt.Fprintf(c.out, "%s is written to in: %s, time zone: %s\n", out.Address, or(out.Language, "the message's language"), or(out.Zone, "the message's"))
			})
		},
	}
	cmd.Flags().StringVar(&zone, "zone", "", "`ZONE` in which times are shown, such as Europe/Berlin, or none")
	return cmd
}

// chosen is a word of the command line, with "none" for nothing.
func chosen(word string) *string {
	if word == "none" {
		word = ""
	}
	return &word
}

func (c *cli) userAdminCommand() *cobra.Command {
	var revoke bool
	cmd := &cobra.Command{
		Use:   "admin ADDRESS",
		Short: "Let a user set the quotas of others over IMAP",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := userAdmin.ask(cmd.Context(), c, userSwitch{args[0], !revoke})
			if err != nil {
				return err
			}
			return c.print(out, func() {
				if revoke {
					fmt.Fprintln(c.out, args[0], "is no administrator any more")
				} else {
					fmt.Fprintln(c.out, args[0], "is an administrator")
				}
			})
		},
	}
	cmd.Flags().BoolVar(&revoke, "revoke", false, "take it back")
	return cmd
}

func (c *cli) userSwitchCommand(verb, short string, on bool) *cobra.Command {
	return &cobra.Command{
		Use:   verb + " ADDRESS",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := userEnable.ask(cmd.Context(), c, userSwitch{args[0], on})
			if err != nil {
				return err
			}
			return c.print(out, func() { fmt.Fprintf(c.out, "%s is %sd\n", args[0], verb) })
		},
	}
}

func (c *cli) userRemoveCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "remove ADDRESS",
		Short: "Remove a user and all mail of the user",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				if err := c.confirm(cmd.Context(), "This removes all mail of "+args[0]+".", args[0]); err != nil {
					return err
				}
			}
			out, err := userRemove.ask(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			return c.print(out, func() { fmt.Fprintln(c.out, args[0], "is removed") })
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
