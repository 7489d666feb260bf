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
	cmd := &cobra.Command{
		Use:   "add DOMAIN --admin ADDRESS",
		Short: "Take mail for a domain; makes its DKIM keys and prints its DNS records",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Name = args[0]
			if in.Admin == "" && in.AliasOf == "" {
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
					rows = append(rows, []string{d.Name, or(d.AliasOf, "-"), d.Admin, or(d.CatchAll, "-"), when(d.Created)})
				}
				c.table("DOMAIN ALIAS-OF ADMIN CATCH-ALL CREATED", rows, "no domains yet: posthorn domain add DOMAIN --admin ADDRESS")
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
