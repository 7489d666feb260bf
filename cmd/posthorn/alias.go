package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (c *cli) aliasCommand() *cobra.Command {
	return group("alias", "Addresses that lead to other addresses",
		c.aliasAddCommand(), c.aliasListCommand(), c.aliasRemoveCommand())
}

func (c *cli) aliasAddCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "add ADDRESS TARGET...",
		Short: "Send the mail of one address to others, here or elsewhere",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := aliasAdd.ask(cmd.Context(), c, aliasFacts{args[0], args[1:]})
			if err != nil {
				return err
			}
			return c.print(out, func() { fmt.Fprintf(c.out, "%s leads to %s\n", out.Address, strings.Join(out.Targets, ", ")) })
		},
	}
}

func (c *cli) aliasListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list [DOMAIN]",
		Short: "List the aliases",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := aliasList.ask(cmd.Context(), c, strings.Join(args, ""))
			if err != nil {
				return err
			}
			return c.print(out, func() {
				var rows [][]string
				for _, a := range out {
					rows = append(rows, []string{a.Address, strings.Join(a.Targets, ", ")})
				}
				c.table("ALIAS TARGETS", rows, "no aliases")
			})
		},
	}
}

func (c *cli) aliasRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove ADDRESS",
		Short: "Remove an alias",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := aliasRemove.ask(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			return c.print(out, func() { fmt.Fprintln(c.out, args[0], "is removed") })
		},
	}
}
