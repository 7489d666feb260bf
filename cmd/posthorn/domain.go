package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (c *cli) domainCommand() *cobra.Command {
	return group("domain", "The domains whose mail this server takes",
		c.domainAddCommand(), c.domainListCommand(), c.domainRemoveCommand(), c.domainDNSCommand())
}

func (c *cli) domainAddCommand() *cobra.Command {
	var in domainFacts
	var keep string
	cmd := &cobra.Command{
		Use:   "add DOMAIN --admin ADDRESS",
		Short: "Take mail for a domain; makes its DKIM keys and prints its DNS records",
		Long: `Take mail for a domain. Its mailboxes are here, and its DKIM keys are made; or,
with --backup, they are on another host, and this one keeps mail for that host
while it cannot take it itself.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Name = args[0]
			if keep != "" {
				if err := in.Keep.UnmarshalText([]byte(keep)); err != nil || in.Keep == 0 {
					return usage(fmt.Errorf("--keep: %q is not a time such as 30d", keep))
				}
			}
			if in.Admin == "" && in.AliasOf == "" && !in.Backup {
				return usage(fmt.Errorf("--admin says who gets mail to postmaster@%s and abuse@%s, and is told when something is wrong", in.Name, in.Name))
			}
			out, err := domainAdd.ask(cmd.Context(), c, in)
			if err != nil {
				return err
			}
			return c.print(out, func() {
				fmt.Fprintf(c.out, "%s is added. Put this into its DNS (posthorn domain dns %s shows it again):\n\n", out.Domain.Name, out.Domain.Name)
				c.zone(out.Records)
				if out.Note != "" {
					fmt.Fprintf(c.out, "\n%s\n", out.Note)
				}
			})
		},
	}
	cmd.Flags().StringVar(&in.Admin, "admin", "", "`ADDRESS` that gets postmaster@ and abuse@ (an alias takes that of its domain)")
	cmd.Flags().StringVar(&in.AliasOf, "alias-of", "", "`DOMAIN` whose addresses this one shares")
	cmd.Flags().BoolVar(&in.Backup, "backup", false, "the mailboxes are on another host; keep mail for it")
	cmd.Flags().StringVar(&in.Primary, "primary", "", "`HOST` or HOST:PORT with the mailboxes, instead of the better ones in the DNS (with --backup)")
	cmd.Flags().StringVar(&keep, "keep", "", "`TIME` that its mail is kept, such as 30d, instead of [relay] backup_keep (with --backup)")
	cmd.Flags().StringVar(&in.CatchAll, "catch-all", "", "`ADDRESS` that gets mail to unknown local parts")
	return cmd
}

func (c *cli) domainListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the domains",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out, err := domainList.ask(cmd.Context(), c, none{})
			if err != nil {
				return err
			}
			return c.print(out, func() {
				var rows [][]string
				for _, d := range out {
					rows = append(rows, []string{d.Name, d.Kind, or(d.AliasOf+d.Primary, "-"), or(d.Admin, "-"), or(d.CatchAll, "-"), when(d.Created)})
				}
				c.table("DOMAIN KIND OF ADMIN CATCH-ALL CREATED", rows, "no domains yet: posthorn domain add DOMAIN --admin ADDRESS")
			})
		},
	}
}

func (c *cli) domainRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove DOMAIN",
		Short: "Take no more mail for a domain that has no addresses left",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := domainRemove.ask(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			return c.print(out, func() { fmt.Fprintln(c.out, args[0], "is removed") })
		},
	}
}

func (c *cli) domainDNSCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "dns DOMAIN",
		Short: "Print the DNS records a domain needs, ready to paste",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := domainDNS.ask(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			return c.print(out, func() { c.zone(out) })
		},
	}
}

// zone prints records as lines of a zone file, a comment above each purpose.
func (c *cli) zone(rs []record) {
	why := ""
	for _, r := range rs {
		if r.Why != why {
			why = r.Why
			fmt.Fprintf(c.out, "; %s\n", why)
		}
		fmt.Fprintln(c.out, r)
	}
}
