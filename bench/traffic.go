package main

import (
	"fmt"
	"math"
	"slices"
	"time"

	"posthorn/interop/peer"
)

// Many workloads are traffic: a number of like operations, as fast as they are
// answered. Their columns are the same.

// The columns of traffic that others look for.
const (
	colP99    = "p99 ms"
	colCPU    = "CPU ms each"
	colBehind = "of it behind"
	colClient = "client CPU ms"
	colIdle   = "idle %"
	colSyncs  = "syncs each"
)

// trafficColumns: unit is what is counted, such as "msg/s". CPU milliseconds each
// are CPU seconds for a thousand.
func trafficColumns(unit string) []column {
	return []column{{unit, more}, {"p50 ms", less}, {"p95 ms", less}, {colP99, less}, {colCPU, less}, {colBehind, neither},
		{colClient, neither}, {colIdle, neither}, {"PSS MiB", less}, {colSyncs, less}}
}

// traffic is what one round gave.
type traffic struct {
	n    int             // operations
	took []time.Duration // from question to answer, each
	usage
}

func (t traffic) figures() []float64 {
	slices.Sort(t.took)
	each := ms(1) / float64(t.n)
	syncs := noFigure
	if t.syncs >= 0 {
		syncs = float64(t.syncs) / float64(t.n)
	}
	return []float64{float64(t.n) / t.usage.took.Seconds(), at(t.took, 50), at(t.took, 95), at(t.took, 99),
		float64(t.cpu+t.behind) * each, float64(t.behind) * each, float64(t.client) * each, 100 * t.idle, float64(t.pss) / (1 << 20), syncs}
}

// at is a percentile in milliseconds of what is sorted.
func at(took []time.Duration, percent int) float64 {
	if len(took) == 0 {
		return noFigure
	}
	return ms(took[min(len(took)*percent/100, len(took)-1)])
}

// noFigure stands for a figure that was not measured.
var noFigure = math.NaN()

func isNo(v float64) bool { return math.IsNaN(v) }

// countSyncs runs one more round with a twin of each server that is traced, and
// puts the syncs into the rows: tracing costs time, so nothing else is taken
// from it.
func (b *bench) countSyncs(w workload, rows []row) error {
	column := slices.IndexFunc(w.columns, func(c column) bool { return c.name == colSyncs })
	for _, r := range rows {
		_, has := cutEndings(r.server)
		if r.server == nothing || r.server == diskAlone || b.described[r.server] || has[unsynced] || has[slowSync] {
			continue
		}
		twin, err := b.server(r.server + traced)
		if err != nil {
			return err
		}
		counted, err := rowsOf(w, []*peer.Server{twin}, 1, b.scale)
		if err != nil {
			return fmt.Errorf("with its syncs counted: %w", err)
		}
		if len(counted) > 0 {
			r.medians[column] = counted[0].medians[column]
		}
	}
	return nil
}

// bound names what limits a row: the work one message takes of the time that
// its operations have between them. What of that time neither server nor client
// uses is spent waiting for the disk, as nothing else here waits.
func (r result) bound(server string) string {
	cpu, _ := r.get(server, colCPU)
	behind, _ := r.get(server, colBehind)
	client, ok := r.get(server, colClient)
	idle, _ := r.get(server, colIdle)
	rate, _ := r.get(server, r.columns[0].name)
	if !ok || rate == 0 {
		return ""
	}
	return limit(float64(min(r.conns, cores)), float64(cores), 1000/rate, cpu-behind, client, idle/100)
}

// limit is bound's judgement: lanes are the CPUs that the operations can keep
// busy, of those that the machine has; the others are milliseconds of one
// operation.
func limit(lanes, machine, each, cpu, client, idle float64) string {
	// Idle time beyond the lanes is nobody's.
	free := max(0, idle*machine-(machine-lanes)) / lanes
	switch {
	case free > 0.25:
		return "disk"
	case client > cpu:
		return "client"
	}
	return "CPU"
}
