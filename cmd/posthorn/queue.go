package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

func (c *cli) queueCommand() *cobra.Command {
	return group("queue", "The mail that waits to be delivered",
		c.queueListCommand(), c.queueShowCommand(),
		c.queueActCommand("retry", "Try again now, for all that waits with --all", "tried again", queueRetry),
		c.queueActCommand("drop", "Take messages out of the queue, without a report to their senders", "dropped", queueDrop))
}

func (c *cli) queueListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the messages that wait, a line for each recipient",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out, err := queueList.ask(cmd.Context(), c, none{})
			if err != nil {
				return err
			}
			return c.print(out, func() {
				var rows [][]string
				for _, it := range out {
					for _, d := range it.Deliveries {
						rows = append(rows, []string{it.QueueID, when(it.Arrived), showSize(it.Size), or(it.From, "<>"), d.To, d.state(), or(d.Status, "-")})
					}
				}
				c.table("ID ARRIVED SIZE FROM TO STATE STATUS", rows, "the queue is empty")
			})
		},
	}
}

// state says in a word or two where a delivery stands.
func (d deliveryFacts) state() string {
	switch {
	case d.Held:
		return "held"
	case d.State == "waiting" && d.Attempts > 0:
		return "due " + d.Due.Local().Format("15:04:05")
	}
	return d.State
}

// waits says of a delivery that waits what for and how long.
func (d deliveryFacts) waits(now time.Time) string {
	switch {
	case d.Held:
		return "it is held until somebody releases it"
	case !d.Due.After(now):
		return "it is tried now"
	}
	return fmt.Sprintf("attempt %d is made in %s, at %s", d.Attempts+1, duration(d.Due.Sub(now)), when(d.Due))
}

func (c *cli) queueShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show one message with its recipients and what has happened to it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			it, err := queueShow.ask(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			return c.print(it, func() { c.printItem(it) })
		},
	}
}

func (c *cli) printItem(it itemFacts) {
	c.facts("id", it.QueueID, "from", or(it.From, "<>"), "login", or(it.Login, "-"), "message-id", or(it.MessageID, "-"),
		"size", showSize(it.Size), "arrived", when(it.Arrived), "expires", when(it.Expires))
	fmt.Fprintln(c.out)
	var rows [][]string
	for _, d := range it.Deliveries {
		rows = append(rows, []string{d.To, d.Destination, d.state(), strconv.Itoa(d.Attempts), or(d.MTA, "-"), or(d.Status, "-")})
	}
	c.table("TO DESTINATION STATE ATTEMPTS SERVER STATUS", rows, "no recipients")
	fmt.Fprintln(c.out)
	rows = nil
	for _, e := range it.Events {
		rows = append(rows, []string{when(e.At), e.Kind, or(e.To, "-"), or(e.MTA, "-"), or(e.Status, "-")})
	}
	c.table("TIME EVENT TO SERVER STATUS", rows, "no events")
}

// queueActCommand is a verb that does something to messages of the queue and
// tells for how many recipients.
func (c *cli) queueActCommand(name, short, done string, v verb[[]string, int]) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   name + " ID...",
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all != (len(args) == 0) {
				return usage(errors.New("name messages by their id, or all of them with --all"))
			}
			n, err := v.ask(cmd.Context(), c, args)
			if err != nil {
				return err
			}
			out := struct {
				Deliveries int `json:"deliveries"`
			}{n}
			return c.print(out, func() { fmt.Fprintf(c.out, "%s: %d %s\n", done, n, plural(n, "delivery", "deliveries")) })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all messages that wait")
	return cmd
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
