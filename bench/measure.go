package main

import (
	"errors"
	"fmt"
	"time"

	"posthorn/interop/peer"
)

// workload is one thing measured. prepare runs once for each server, round
// once for each round; what it returns is shown in the order of columns. Both
// may say errLacking: the server is then left out.
type workload struct {
	name, what string
	columns    []column
	prepare    func(s *peer.Server, scale float64) error
	round      func(s *peer.Server, scale float64) ([]float64, error)
	alone      string // the only server that is measured, whatever -servers says
	steady     bool   // every round is run, however long it takes

	// Of workloads that are traffic:
	traffic bool
	conns   int                     // operations that run at a time
	ceiling bool                    // the server that does nothing can serve it
	disk    func() (float64, error) // what the disk does without a server, in the unit of the first column
	besides []string                // servers measured in it with -variants
}

// column is one figure of a workload.
type column struct {
	name   string
	better int // more, less or neither
}

const (
	more    = 1
	less    = -1
	neither = 0
)

// errLacking is what a server has not got that a workload needs.
type errLacking struct{ what string }

func (e errLacking) Error() string { return "it has no " + e.what }

// patience is how long the rounds of a workload that is not steady may take for
// one server: what is slow is measured less often.
const patience = 8 * time.Second

// ceilingRounds are enough of the server that does nothing.
const ceilingRounds = 3

// result is what a workload gave.
type result struct {
	workload
	rows []row
}

// row is one server's figures: medians[column].
type row struct {
	server  string
	rounds  int
	medians []float64
}

// rowsOf runs the rounds of a workload, interleaved: no server is measured
// at a time of its own. One that lacks what is needed has no row.
func rowsOf(w workload, servers []*peer.Server, rounds int, scale float64) ([]row, error) {
	var all []*measured
	for _, s := range servers {
		m := &measured{Server: s}
		all = append(all, m)
		if w.prepare != nil && s.Name != nothing {
			if err := m.lacking(w.prepare(s, scale)); err != nil {
				return nil, err
			}
		}
	}
	disk := &measured{Server: &peer.Server{Name: diskAlone}}
	for range rounds {
		for _, m := range all {
			if err := m.round(w, scale); err != nil {
				return nil, err
			}
		}
		if w.disk != nil {
			v, err := w.disk()
			if err != nil {
				return nil, fmt.Errorf("the disk alone: %w", err)
			}
			disk.got = append(disk.got, lone(v, len(w.columns)))
		}
	}
	var rows []row
	for _, m := range append(all, disk) {
		if len(m.got) > 0 {
			rows = append(rows, row{m.Name, len(m.got), medians(m.got, len(w.columns))})
		}
	}
	return rows, nil
}

// measured is a server in the rounds of one workload.
type measured struct {
	*peer.Server
	got   [][]float64
	took  time.Duration
	lacks bool // what the workload needs
}

// round runs one, unless the server has had enough of them.
func (m *measured) round(w workload, scale float64) error {
	switch {
	case m.lacks, m.took > patience && !w.steady, m.Name == nothing && len(m.got) == ceilingRounds:
		return nil
	}
	began := time.Now()
	v, err := w.round(m.Server, scale)
	if err == nil {
		m.got = append(m.got, v)
	}
	m.took += time.Since(began)
	return m.lacking(err)
}

// lacking passes an error on, unless it is that the server lacks something: that
// leaves the server out.
func (m *measured) lacking(err error) error {
	var lacks errLacking
	if errors.As(err, &lacks) {
		fmt.Printf("%s is left out: %v\n", m.Name, lacks)
		m.lacks = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", m.Name, err)
	}
	return nil
}

// measure runs a workload and prints its table.
func (b *bench) measure(w workload) (result, error) {
	fmt.Printf("\n%s: %s\n", w.name, w.what)
	servers, err := b.servers(w)
	if err != nil {
		return result{}, err
	}
	rows, err := rowsOf(w, servers, b.rounds, b.scale)
	if err == nil && w.traffic && (b.syncs || b.suite == "shown" && shownCounts(w.name)) {
		err = b.countSyncs(w, rows)
	}
	if err != nil {
		return result{}, err
	}
	r := result{w, rows}
	r.print(b.reference())
	return r, nil
}

// row finds a server's, nil where it was not measured.
func (r result) row(server string) *row {
	for i := range r.rows {
		if r.rows[i].server == server {
			return &r.rows[i]
		}
	}
	return nil
}

// get is a server's median of a column; ok is false where there is none.
func (r result) get(server, name string) (v float64, ok bool) {
	row := r.row(server)
	if row == nil {
		return 0, false
	}
	for c, col := range r.columns {
		if col.name == name {
			return row.medians[c], !isNo(row.medians[c])
		}
	}
	return 0, false
}
