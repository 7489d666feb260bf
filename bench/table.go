package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// print shows the medians, beside each server the ratio to the reference,
// always so that more than 1 is better, and of traffic what limits it.
func (r result) print(reference string) {
	t := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "server\trounds\t")
	for _, c := range r.columns {
		fmt.Fprint(t, c.name, "\t")
	}
	if r.traffic {
		fmt.Fprint(t, "limit\t")
	}
	fmt.Fprintln(t)
	for _, row := range r.rows {
		fmt.Fprintf(t, "%s\t%d\t", row.server, row.rounds)
		for _, m := range row.medians {
			fmt.Fprint(t, figure(m), "\t")
		}
		if r.traffic {
			fmt.Fprint(t, r.bound(row.server), "\t")
		}
		fmt.Fprintln(t)
	}
	for _, row := range r.rows {
		if row.server == reference || row.server == nothing || row.server == diskAlone || r.row(reference) == nil {
			continue
		}
		fmt.Fprintf(t, "%s / %s\t\t", row.server, reference)
		for _, c := range r.columns {
			fmt.Fprint(t, r.ratioText(row.server, reference, c.name), "\t")
		}
		if r.clientBound(row.server) {
			fmt.Fprint(t, "client-bound: CPU counts\t")
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}

func figure(v float64) string {
	if isNo(v) {
		return "-"
	}
	if v >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// ratio is how much better one server is than another in a column; ok is false
// where it cannot be said.
func (r result) ratio(server, other, name string) (x float64, ok bool) {
	a, okA := r.get(server, name)
	b, okB := r.get(other, name)
	i := slices.IndexFunc(r.columns, func(c column) bool { return c.name == name })
	if !okA || !okB || a == 0 || b == 0 || r.columns[i].better == neither {
		return 0, false
	}
	if r.columns[i].better == less {
		a, b = b, a
	}
	return a / b, true
}

func (r result) ratioText(server, other, name string) string {
	x, ok := r.ratio(server, other, name)
	if !ok {
		return "-"
	}
	return fmt.Sprintf("%.2fx", x)
}

// clientBound tells whether the client could not do twice what it did with this
// server: against a server that does nothing.
func (r result) clientBound(server string) bool {
	if !r.ceiling {
		return false
	}
	rate, ok := r.get(server, r.columns[0].name)
	most, okMost := r.get(nothing, r.columns[0].name)
	return ok && okMost && most < 2*rate
}

// summary prints the first column of each workload, and the ratio of the first
// server to the reference.
func (b *bench) summary(all []result) {
	t := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprint(t, "\nworkload\t", strings.Join(b.against, "\t"), "\tunit\tratio\twhat\n")
	for _, r := range all {
		if r.alone != "" || len(r.rows) == 0 {
			continue
		}
		fmt.Fprint(t, r.name, "\t")
		for _, s := range b.against {
			v, ok := r.get(s, r.columns[0].name)
			if !ok {
				v = noFigure
			}
			fmt.Fprint(t, figure(v), "\t")
		}
		fmt.Fprintf(t, "%s\t%s\t%.60s\n", r.columns[0].name, r.ratioText(b.against[0], b.reference(), r.columns[0].name), r.what)
	}
	t.Flush()
}

// medians is the median of each of n columns, of the rounds that have it.
func medians(rounds [][]float64, n int) (m []float64) {
	for c := range n {
		var v []float64
		for _, r := range rounds {
			if !isNo(r[c]) {
				v = append(v, r[c])
			}
		}
		if len(v) == 0 {
			m = append(m, noFigure)
			continue
		}
		slices.Sort(v)
		m = append(m, v[len(v)/2])
	}
	return m
}

// lone is a round of which only the first column is known.
func lone(v float64, n int) []float64 {
	out := slices.Repeat([]float64{noFigure}, n)
	out[0] = v
	return out
}
