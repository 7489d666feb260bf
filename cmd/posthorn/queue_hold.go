package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"posthorn/internal/serve"
	"posthorn/queue"
	"posthorn/store"
)

const holdHelp = `Keep mail from being tried until it is released. A message that is named by its
id, a --sender, a --destination, or everything with --all is held with all that
comes later:

  posthorn queue hold --sender you@example.org --because "password was stolen"
  posthorn queue hold --destination example.net --for 2h
  posthorn queue hold --all

Any other choice holds what waits now, each delivery by itself. Time goes on
meanwhile: what is held for longer than [queue] expire is given up when it is
tried again.`

// holdKinds are those that one flag alone chooses.
var holdKinds = map[string]store.HoldKind{"from": store.HoldSender, "destination": store.HoldDestination, "all": store.HoldAll, "ids": store.HoldItem}

func (c *cli) queueHoldCommand() *cobra.Command {
	var choice choice
	var why, during string
	cmd := &cobra.Command{
		Use:   "hold [ID...]",
		Short: "Keep mail from being tried, by message, sender, destination, or all",
		Long:  holdHelp,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := choice.must(args, time.Now())
			if err != nil {
				return err
			}
			var d serve.Duration
			if during != "" {
				if err := d.UnmarshalText([]byte(during)); err != nil || d <= 0 {
					return usage(fmt.Errorf("--for: %q is not a time such as 90m, 4h or 2d", during))
				}
			}
			flag, value := choice.alone(args)
			kind, standing := holdKinds[flag]
			if !standing && why+during != "" {
				return usage(errors.New("--because and --for go with ids, --sender, --destination or --all alone"))
			}
			s, err := c.begin()
			if err != nil {
				return err
			}
			if !standing {
				out, err := c.actOn(cmd.Context(), s, actQuestion{queueFilter: filter, Act: queue.ActHold}, false)
				return errors.Join(err, s.end(), c.print(out, func() { fmt.Fprintf(c.out, "held: %d %s\n", out.Deliveries, deliveries(out.Deliveries)) }))
			}
			return errors.Join(c.hold(cmd, s, kind, value, why, time.Duration(d)), s.end())
		},
	}
	choice.flags(cmd)
	choice.wholeFlag(cmd)
	cmd.Flags().StringVar(&why, "because", "", "`REASON` that others read")
	cmd.Flags().StringVar(&during, "for", "", "release by itself after `TIME`, such as 2h or 1d")
	return cmd
}

// hold sets a hold of each thing that was named.
func (c *cli) hold(cmd *cobra.Command, s *session, kind store.HoldKind, value, why string, during time.Duration) error {
	ask := holdQuestion{Kind: kind, Reason: why}
	if during > 0 {
		ask.Until = time.Now().Add(during)
	}
	what := []string{value}
	if kind == store.HoldItem {
		what = strings.Fields(value)
	}
	out := []holdFacts{}
	for _, ask.What = range what {
		h, err := queueHold.within(cmd.Context(), s, ask)
		if err != nil {
			return err
		}
		out = append(out, h)
	}
	return c.print(out, func() {
		for _, h := range out {
			fmt.Fprintln(c.out, h.Says)
		}
	})
}

// released is what `queue release` has done.
type released struct {
	Holds      int `json:"holds"`
	Deliveries int `json:"deliveries"` // that were held by themselves
}

const releaseHelp = `Let mail go on that is held: by a message's id, --sender or --destination the hold
of that, with --all every hold there is, also those that the server has set
itself. Any other choice lets go what is held by itself.`

func (c *cli) queueReleaseCommand() *cobra.Command {
	var choice choice
	cmd := &cobra.Command{
		Use:   "release [ID...]",
		Short: "Let mail go on that is held",
		Long:  releaseHelp,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := choice.must(args, time.Now())
			if err != nil {
				return err
			}
			s, err := c.begin()
			if err != nil {
				return err
			}
			var out released
			flag, value := choice.alone(args)
			if kind, ok := holdKinds[flag]; ok {
				out.Holds, err = c.release(cmd, s, kind, value)
			}
			if err == nil {
				var rest acted
				rest, err = c.actOn(cmd.Context(), s, actQuestion{queueFilter: filter, Act: queue.ActRelease}, false)
				out.Deliveries = rest.Deliveries
			}
			if err = errors.Join(err, s.end()); err != nil {
				return err
			}
			if out.Holds+out.Deliveries == 0 && flag != "all" {
				return errors.New("nothing of that is held; posthorn queue holds lists what is")
			}
			return c.print(out, func() {
				fmt.Fprintf(c.out, "released: %d %s, and %d %s held by themselves\n", out.Holds, plural(out.Holds, "hold", "holds"), out.Deliveries, deliveries(out.Deliveries))
			})
		},
	}
	choice.flags(cmd)
	choice.wholeFlag(cmd)
	return cmd
}

// release ends the hold of each thing that was named.
func (c *cli) release(cmd *cobra.Command, s *session, kind store.HoldKind, value string) (n int, err error) {
	ask := holdQuestion{Kind: kind}
	what := []string{value}
	switch kind {
	case store.HoldAll:
		ask.Kind = ""
	case store.HoldItem:
		what = strings.Fields(value)
	}
	for _, ask.What = range what {
		ended, err := queueRelease.within(cmd.Context(), s, ask)
		if err != nil {
			return n, err
		}
		n += ended
	}
	return n, nil
}

func (c *cli) queueHoldsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "holds",
		Short: "List what is held or slowed down, by whom and why",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out, err := queueHolds.ask(cmd.Context(), c, none{})
			if err != nil {
				return err
			}
			return c.print(out, func() {
				var rows [][]string
				for _, h := range out {
					rows = append(rows, []string{string(h.Kind), or(h.What, "-"), h.By, when(h.Since), when(h.Until), or(h.Reason, "-")})
				}
				c.table("KIND WHAT BY SINCE UNTIL REASON", rows, "nothing is held")
			})
		},
	}
}
