// Bench measures mail servers from outside, side by side: Posthorn, built from
// this tree, and Debian's Postfix with Dovecot, both on loopback with the
// durability they come with. Servers are interleaved round by round, since
// the machine may be shared; what counts is the ratio within a run.
//
//	go run ./bench                      every workload, the figures of docs/performance.md
//	go run ./bench -only smtp16 -rounds 3
//
// What is counted is verified: every message sent must stand in its INBOX
// once, none twice, or the run fails.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"posthorn/interop/peer"
)

// users of each server; the load is spread over them.
var users = []string{"user1", "user2", "user3", "user4", "user5", "user6", "user7", "user8",
	"user9", "user10", "user11", "user12", "user13", "user14", "user15", "user16"}

const (
	domain   = "bench.test"
	password = "bench-pass-123"
)

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 5, "interleaved `rounds` of each workload; medians are shown")
	only := flag.String("only", "", "comma separated `workloads` (default: all)")
	against := flag.String("servers", "posthorn,postfix+dovecot", "`servers` to start")
	scale := flag.Float64("scale", 1, "multiply the number of messages by this")
	flag.Parse()
	if err := run(*rounds, *only, *against, *scale); err != nil {
		log.Fatal("bench: ", err)
	}
}

func run(rounds int, only, against string, scale float64) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var servers []*peer.Server
	defer func() {
		for _, s := range servers {
			s.Stop()
		}
	}()
	for _, name := range strings.Split(against, ",") {
		s, err := start(name, filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
		servers = append(servers, s)
	}
	for _, w := range workloads {
		if only != "" && !slices.Contains(strings.Split(only, ","), w.name) {
			continue
		}
		if err := measure(w, servers, rounds, scale); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	return nil
}

func start(name, dir string) (*peer.Server, error) {
	switch name {
	case "posthorn":
		return peer.Posthorn{Dir: dir, Hostname: "mail." + domain, Domain: domain, Users: users, Password: password,
			Config: "[check]\nspf = false\ndkim = false\ndmarc = false\n"}.Start()
	case "postfix+dovecot":
		return peer.Debian{Dir: dir, Hostname: "mail." + domain, Domain: domain, Users: users, Password: password}.Start()
	}
	return nil, fmt.Errorf("no such server; there are posthorn and postfix+dovecot")
}

// workload is one thing measured. prepare runs once for each server, round
// once for each round; what it returns is shown in the order of columns.
type workload struct {
	name, what string
	columns    []string
	better     func(column int) int // 1: more is better, -1: less is better
	prepare    func(s *peer.Server, scale float64) error
	round      func(s *peer.Server, scale float64) ([]float64, error)
}

func measure(w workload, servers []*peer.Server, rounds int, scale float64) error {
	fmt.Printf("\n%s: %s\n", w.name, w.what)
	got := make([][][]float64, len(servers))
	for _, s := range servers {
		if w.prepare == nil {
			break
		}
		if err := w.prepare(s, scale); err != nil {
			return fmt.Errorf("prepare %s: %w", s.Name, err)
		}
	}
	for range rounds {
		for i, s := range servers {
			v, err := w.round(s, scale)
			if err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
			got[i] = append(got[i], v)
		}
	}
	table(w, servers, got)
	return nil
}

// table prints medians, and beside each server but the last its ratio to the
// last, always so that more than 1 is better.
func table(w workload, servers []*peer.Server, got [][][]float64) {
	t := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "server\t"+strings.Join(w.columns, "\t")+"\t")
	medians := make([][]float64, len(servers))
	for i, s := range servers {
		fmt.Fprint(t, s.Name, "\t")
		for c := range w.columns {
			m := median(got[i], c)
			medians[i] = append(medians[i], m)
			fmt.Fprintf(t, "%.4g\t", m)
		}
		fmt.Fprintln(t)
	}
	last := len(servers) - 1
	for i := range last {
		fmt.Fprint(t, "ratio\t")
		for c := range w.columns {
			r := medians[i][c] / medians[last][c]
			if w.better(c) < 0 {
				r = 1 / r
			}
			fmt.Fprintf(t, "%.2fx\t", r)
		}
		fmt.Fprintln(t)
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
