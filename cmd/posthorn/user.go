package main

import (
	"fmt"
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
