package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"posthorn/queue"
)

// acted is what a verb on many deliveries has done.
type acted struct {
	Deliveries  int  `json:"deliveries"`
	Interrupted bool `json:"interrupted,omitempty"`
}

// queueActCommand is a verb that does something to deliveries and tells to how
// many. What tells their senders or loses them asks first when a filter chooses.
func (c *cli) queueActCommand(name, short, done string, act queue.Act, long string) *cobra.Command {
	var choice choice
	var yes bool
	final := act == queue.ActBounce || act == queue.ActDrop
	cmd := &cobra.Command{
		Use:   name + " [ID...]",
		Short: short,
		Long:  long + "\n\nName messages by their id, choose deliveries by filters, which must all hold, or\ntake all that wait with --all.",
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
			ask := actQuestion{queueFilter: filter, Act: act}
			var holds []holdFacts
			if act == queue.ActRetry {
				if holds, err = queueHolds.within(cmd.Context(), s, none{}); err != nil {
					return errors.Join(err, s.end())
				}
			}
			out, err := c.actOn(cmd.Context(), s, ask, final && !yes && len(args) == 0)
			if err = errors.Join(err, s.end()); err != nil && !out.Interrupted {
				return err
			}
			return errors.Join(c.print(out, func() {
				fmt.Fprintf(c.out, "%s: %d %s\n", done, out.Deliveries, deliveries(out.Deliveries))
				if len(holds) > 0 {
					fmt.Fprintln(c.out, heldAllTheSame)
				}
			}), err)
		},
	}
	choice.flags(cmd)
	choice.wholeFlag(cmd)
	if final {
		cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	}
	return cmd
}

// heldAllTheSame is what a retry does not do.
const heldAllTheSame = "What is held waits all the same, but for one message to each host that blocks our address: posthorn queue holds"

// warnings say what cannot be undone.
var warnings = map[queue.Act]string{
	queue.ActBounce: "This gives up %d %s, and tells the senders.",
	queue.ActDrop:   "This drops %d %s, and tells nobody.",
}

func deliveries(n int) string { return plural(n, "delivery", "deliveries") }

// actOn acts part by part. Between two it may be interrupted; what was done then
// stays done, and is told.
func (c *cli) actOn(ctx context.Context, s *session, ask actQuestion, confirm bool) (out acted, err error) {
	total := 0
	if confirm || isTerminal(c.err) {
		if total, err = countAll(ctx, s, ask); err != nil {
			return out, err
		}
	}
	if confirm && total > 0 {
		if err := c.confirm(ctx, fmt.Sprintf(warnings[ask.Act], total, deliveries(total)), string(ask.Act)); err != nil {
			return out, err
		}
	}
	bar := c.newBar(total)
	defer bar.end()
	for {
		// A part that has begun is waited for: otherwise nobody could tell what was
		// done.
		step, err := queueAct.within(context.WithoutCancel(ctx), s, ask)
		out.Deliveries += step.Done
		bar.show(out.Deliveries)
		if err != nil || step.Next == 0 {
			return out, err
		}
		if ctx.Err() != nil {
			out.Interrupted = true
			return out, errors.New("interrupted: the rest is as it was")
		}
		ask.After = step.Next
	}
}

func countAll(ctx context.Context, s *session, ask actQuestion) (n int, err error) {
	for {
		step, err := queueCount.within(ctx, s, ask)
		n += step.Done
		if err != nil || step.Next == 0 {
			return n, err
		}
		ask.After = step.Next
	}
}
