package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"posthorn/interop/peer"
)

// table prints medians, and beside each server but the last its ratio to the
// last, always so that more than 1 is better.
func table(w workload, servers []*peer.Server, got [][][]float64) result {
	t := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "server\trounds\t"+strings.Join(w.columns, "\t")+"\t")
	medians := make([][]float64, len(servers))
	for i, s := range servers {
		fmt.Fprintf(t, "%s\t%d\t", s.Name, len(got[i]))
		for c := range w.columns {
			m := median(got[i], c)
			medians[i] = append(medians[i], m)
			fmt.Fprintf(t, "%.4g\t", m)
		}
		fmt.Fprintln(t)
	}
	r := result{w, medians}
	last := len(servers) - 1
	for i := range last {
		fmt.Fprint(t, "ratio\t\t")
		for c := range w.columns {
			fmt.Fprint(t, r.ratio(i, last, c), "\t")
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	return r
}

// ratio is how much better one server is than another; "-" where one is too
// small to be measured.
func (r result) ratio(server, other, column int) string {
	x, y := r.medians[server][column], r.medians[other][column]
	if r.better(column) < 0 {
		x, y = y, x
	}
	if x == 0 || y == 0 || r.better(column) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2fx", x/y)
}

// summary prints the first column of each workload, and its ratio.
func summary(all []result, servers []*peer.Server) {
	t := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprint(t, "\nworkload\t")
	for _, s := range servers {
		fmt.Fprint(t, s.Name, "\t")
	}
	fmt.Fprintln(t, "unit\tratio\twhat")
	for _, r := range all {
		if r.alone {
			continue
		}
		fmt.Fprint(t, r.name, "\t")
		ratio := "-"
		for i := range servers {
			if r.medians == nil {
				fmt.Fprint(t, "-\t")
			} else {
				fmt.Fprintf(t, "%.4g\t", r.medians[i][0])
			}
		}
		if last := len(servers) - 1; last > 0 && r.medians != nil {
			ratio = r.ratio(0, last, 0)
		}
		fmt.Fprintf(t, "%s\t%s\t%.60s\n", r.columns[0], ratio, r.what)
	}
	t.Flush()
}

func median(rounds [][]float64, column int) float64 {
	var v []float64
	for _, r := range rounds {
		v = append(v, r[column])
	}
	slices.Sort(v)
	return v[len(v)/2]
}
