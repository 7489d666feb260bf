package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
)

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
