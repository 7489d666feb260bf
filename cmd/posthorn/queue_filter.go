package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"posthorn/internal/serve"
)

// choice is the flags by which the verbs of the queue choose deliveries.
type choice struct {
	queueFilter
	older, newer string
	all          bool
}

func (f *choice) flags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.From, "from", "", "from this `SENDER`: a login, a return path, its domain, or <>")
	fl.StringVar(&f.From, "sender", "", "the same as --from")
	fl.StringVar(&f.To, "to", "", "to this `ADDRESS`")
	fl.StringVar(&f.Domain, "domain", "", "to recipients of this `DOMAIN`")
	fl.StringVar(&f.Destination, "destination", "", "for this `DESTINATION`, as queue list --by destination names it")
	fl.StringVar(&f.older, "older", "", "that arrived longer ago than `TIME`, such as 90m, 4h or 2d")
	fl.StringVar(&f.newer, "newer", "", "that arrived within `TIME`, or since a date")
	fl.StringVar(&f.Reason, "reason", "", "whose last reply has this `TEXT` or code, such as 452, 4.2.2 or \"mailbox full\"")
	fl.IntVar(&f.Attempts, "failed-attempts", 0, "that were tried `N` times or more")
	fl.BoolVar(&f.Held, "held", false, "that are held")
}

// wholeFlag adds --all, for verbs that do nothing without a choice.
func (f *choice) wholeFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.all, "all", false, "all that wait")
}

// filter reads the flags, and the queue ids that are arguments.
func (f *choice) filter(ids []string, now time.Time) (queueFilter, error) {
	q := f.queueFilter
	q.QueueIDs = ids
	if f.older != "" {
		var d serve.Duration
		if err := d.UnmarshalText([]byte(f.older)); err != nil {
			return q, usage(fmt.Errorf("--older: %q is not a time such as 90m, 4h or 2d", f.older))
		}
		q.Before = now.Add(-time.Duration(d))
	}
	var err error
	if q.Since, err = parseSince(f.newer, now); err != nil {
		return q, usage(fmt.Errorf("--newer: %w", err))
	}
	if q.Attempts < 0 {
		return q, usage(errors.New("--failed-attempts cannot be negative"))
	}
	return q, nil
}

// chooses tells whether anything was chosen but by --all.
func (f *choice) chooses(ids []string) bool {
	q := f.queueFilter
	return len(ids) > 0 || q.From+q.To+q.Domain+q.Destination+q.Reason+f.older+f.newer != "" || q.Attempts > 0 || q.Held
}

// must is filter for a verb that does something: all only when that was said.
func (f *choice) must(ids []string, now time.Time) (queueFilter, error) {
	if f.all == f.chooses(ids) {
		return queueFilter{}, usage(errors.New("name messages by their id, choose some with a filter (--help lists them), or all of them with --all"))
	}
	return f.filter(ids, now)
}

// alone gives the one thing that was chosen when it was by one flag, or by ids.
func (f *choice) alone(ids []string) (flag, value string) {
	q := f.queueFilter
	if f.older+f.newer+q.Reason+q.To+q.Domain != "" || q.Attempts > 0 || q.Held {
		return "", ""
	}
	var flags []string
	for _, set := range []struct{ flag, value string }{
		{"from", q.From}, {"destination", q.Destination}, {"ids", strings.Join(ids, " ")},
	} {
		if set.value != "" {
			flags, value = append(flags, set.flag), set.value
		}
	}
	switch {
	case f.all && len(flags) == 0:
		return "all", ""
	case len(flags) == 1 && !f.all:
		return flags[0], value
	}
	return "", ""
}
