package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"posthorn/internal/serve"
)

func (c *cli) appPasswordCommand() *cobra.Command {
	return group("app-password", "Passwords for single programs of a user",
		c.appAddCommand(), c.appListCommand(), c.appRevokeCommand())
}

func (c *cli) appAddCommand() *cobra.Command {
	var in appSpec
	var expires string
	cmd := &cobra.Command{
		Use:   "add ADDRESS --name NAME",
		Short: "Make a password for one program and show it, this once",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Address = args[0]
			if expires != "" {
				var d serve.Duration
				if err := d.UnmarshalText([]byte(expires)); err != nil || d == 0 {
					return usage(fmt.Errorf("--expires: %q is not a time such as 90d", expires))
				}
				in.Expires = time.Now().Add(time.Duration(d))
			}
			out, err := appAdd.ask(cmd.Context(), c, in)
			if err != nil {
				return err
			}
			return c.print(out, func() {
				fmt.Fprintf(c.out, "%s\n", out.Password)
				fmt.Fprintf(c.err, "This is the app password %q of %s, for %s. It is not kept and not shown again.\n",
					out.Name, args[0], strings.Join(out.Protocols, ", "))
			})
		},
	}
	cmd.Flags().StringVar(&in.Name, "name", "", "`NAME` of the program it is for")
	cmd.Flags().StringSliceVar(&in.Protocols, "protocol", nil, "what it is good for, of `imap,pop3,smtp`; all of them by default")
	cmd.Flags().StringVar(&expires, "expires", "", "`TIME` after which it ends, such as 90d; never by default")
	return cmd
}

func (c *cli) appListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list ADDRESS",
		Short: "List a user's app passwords and when they were used last",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := appList.ask(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			return c.print(out, func() {
				var rows [][]string
				for _, a := range out {
					rows = append(rows, []string{a.Name, strings.Join(a.Protocols, ","), when(a.Created), a.expiry(), when(a.Used), or(a.UsedFrom, "-")})
				}
				c.table("NAME PROTOCOLS CREATED EXPIRES USED FROM", rows, "no app passwords")
			})
		},
	}
}

func (a appFacts) expiry() string {
	switch {
	case a.Expires.IsZero():
		return "never"
	case time.Now().After(a.Expires):
		return "expired"
	}
	return when(a.Expires)
}

func (c *cli) appRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ADDRESS NAME",
		Short: "Take an app password back; what is logged in with it ends within minutes",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := appRevoke.ask(cmd.Context(), c, appSpec{Address: args[0], Name: args[1]})
			if err != nil {
				return err
			}
			return c.print(out, func() { fmt.Fprintf(c.out, "%s of %s is revoked\n", args[1], args[0]) })
		},
	}
}
