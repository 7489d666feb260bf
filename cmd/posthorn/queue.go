package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"posthorn/queue"
	"posthorn/store"
)

func (c *cli) queueCommand() *cobra.Command {
	return group("queue", "The mail that waits to be delivered",
		c.queueListCommand(), c.queueShowCommand(),
		c.queueActCommand("retry", "Try again now", "tried again", queue.ActRetry, `Let deliveries be tried now, whatever the time their next attempt was due at,
and ask destinations that did not answer again, or that block our address (these
with one message each). What is held by itself goes on; what a hold keeps stays
until the hold is released.`),
		c.queueHoldCommand(), c.queueReleaseCommand(), c.queueHoldsCommand(), c.queueSuspectsCommand(),
		c.queueActCommand("bounce", "Give up now, and tell the senders", "given up", queue.ActBounce, `Give deliveries up as if their time had run out. Their senders get the report
that says so, where one is due.`),
		c.queueActCommand("drop", "Take out of the queue, and tell nobody", "dropped", queue.ActDrop, `Take deliveries out of the queue. Nobody is told: neither sender nor recipient
hears of the message again. To give up and tell the sender: posthorn queue bounce.`))
}

const listHelp = `List the messages that wait, the oldest first, a line for each recipient. With
--by, how much of it waits instead: for each destination, from each sender, by
reason or by age. Of destinations it tells, while the server runs, whether they
answer, how much is being tried there, and what holds them back.`

func (c *cli) queueListCommand() *cobra.Command {
	var choice choice
	var by string
	ask := listQuestion{}
	cmd := &cobra.Command{
		Use:   "list [ID...]",
		Short: "List what waits, or with --by how much",
		Long:  listHelp,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if ask.Limit < 1 || ask.Limit > 100_000 {
				return usage(errors.New("--limit is from 1 to 100000"))
			}
			if ask.queueFilter, err = choice.filter(args, time.Now()); err != nil {
				return err
			}
			if by != "" {
				return c.listGroups(cmd, groupQuestion{ask.queueFilter, store.Grouping(by), ask.Limit})
			}
			out, err := queueList.ask(cmd.Context(), c, ask)
			if err != nil {
				return err
			}
			none := "the queue is empty"
			if choice.chooses(args) || ask.After > 0 {
				none = "nothing that waits is like that"
			}
			return c.print(out.Messages, func() { c.printQueue(out, none) })
		},
	}
	choice.flags(cmd)
	cmd.Flags().StringVar(&by, "by", "", "count by destination, sender, reason or age")
	cmd.Flags().IntVar(&ask.Limit, "limit", 50, "at most so `MANY` messages, or lines with --by")
	cmd.Flags().Int64Var((*int64)(&ask.After), "after", 0, "go on behind this `CURSOR` of the page before")
	return cmd
}

func (c *cli) printQueue(out listed, none string) {
	var rows [][]string
	for _, it := range out.Messages {
		for i, d := range it.Deliveries {
			row := []string{it.QueueID, when(it.Arrived), showSize(it.Size), or(it.From, "<>"), d.To, d.state(), or(d.Status, "-")}
			if i > 0 {
				copy(row, []string{"", "", "", ""})
			}
			rows = append(rows, row)
		}
		if more := it.Waiting - len(it.Deliveries); more > 0 {
			rows = append(rows, []string{"", "", "", "", fmt.Sprintf("and %d more", more), "", ""})
		}
	}
	c.table("ID ARRIVED SIZE FROM TO STATE STATUS", rows, none)
	if n := len(out.Messages); out.More && n > 0 {
		fmt.Fprintf(c.out, "\nThere is more: posthorn queue list --after %d\n", out.Messages[n-1].Cursor)
	}
}

// listGroups prints how much waits.
func (c *cli) listGroups(cmd *cobra.Command, ask groupQuestion) error {
	heading := map[store.Grouping]string{
		store.ByDestination: "DESTINATION DELIVERIES OLDEST STATE WORDS", store.BySender: "SENDER DELIVERIES OLDEST STATE WORDS",
		store.ByReason: "REASON DELIVERIES OLDEST STATE WORDS", store.ByAge: "AGE DELIVERIES OLDEST STATE WORDS",
	}[ask.By]
	if heading == "" {
		return usage(fmt.Errorf("--by is destination, sender, reason or age, not %q", ask.By))
	}
	out, err := queueGroup.ask(cmd.Context(), c, ask)
	if err != nil {
		return err
	}
	return c.print(out, func() {
		var rows [][]string
		for _, g := range out.Groups {
			rows = append(rows, []string{g.Name, strconv.FormatInt(g.Deliveries, 10), age(g.Oldest), g.State, or(g.Status, "-")})
		}
		c.table(heading, rows, "the queue is empty")
		if more := out.Total - len(out.Groups); more > 0 {
			fmt.Fprintf(c.out, "\nand %d more: see --limit\n", more)
		}
	})
}

// state says in a word or two where a delivery stands.
func (d deliveryFacts) state() string {
	switch {
	case d.State != string(store.Waiting):
		return d.State
	case d.Held:
		return "held"
	case d.Attempts > 0:
		return "due " + d.Due.Local().Format("15:04:05")
	}
	return d.State
}

// waits says of a delivery that waits what for and how long.
func (d deliveryFacts) waits(now time.Time) string {
	switch {
	case d.Hold != "":
		return d.Hold
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
	var holds []string
	for _, d := range it.Deliveries {
		rows = append(rows, []string{d.To, d.Destination, d.state(), strconv.Itoa(d.Attempts), or(d.MTA, "-"), or(d.Status, "-")})
		if d.Hold != "" && (len(holds) == 0 || holds[len(holds)-1] != d.Hold) {
			holds = append(holds, d.Hold)
		}
	}
	c.table("TO DESTINATION STATE ATTEMPTS SERVER STATUS", rows, "no recipients")
	for _, h := range holds {
		fmt.Fprintln(c.out, "\n"+h)
	}
	fmt.Fprintln(c.out)
	rows = nil
	for _, e := range it.Events {
		rows = append(rows, []string{when(e.At), e.Kind, or(e.To, "-"), or(e.MTA, "-"), or(e.Status, "-")})
	}
	c.table("TIME EVENT TO SERVER STATUS", rows, "no events")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
