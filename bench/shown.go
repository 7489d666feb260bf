package main

import (
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// The suite called shown runs what the project promises of its speed, and says of
// each promise whether it was kept in this run.

// promise is one line of the summary.
type promise struct {
	what     string
	workload string
	required string
	syncs    bool // it is about them
	judge    judge
}

// judge says what a result has reached; known is false where the run did not
// measure it.
type judge func(r result, ours, theirs string) (v verdict, known bool)

type verdict struct {
	reached string
	met     bool
	remark  string
}

var promises = []promise{
	better("into INBOX: 16 connections, 4 KiB", "smtp16", 6),
	better("1 connection", "smtp1", 3),
	better("16 connections, a new one each", "connect16", 4),
	{what: "16 connections, 1 MiB", workload: "smtp16-1m", required: "3x, or 80 % of the disk", judge: largeMail},
	better("16 connections, 5 recipients", "smtp16-5rcpt", 5),
	most("server CPU of a message, ms", "smtp16", "", colCPU, 0.6),
	most("with SPF, DKIM and DMARC, ms", "smtp16-signed", checking, colCPU, 1.5),
	within("gained by leaving syncs out", "smtp16", unsynced, 2, func(plain, other float64) float64 { return other / plain }),
	within("lost to 5 ms more a sync, 64 connections", "smtp64", slowSync, 4, func(plain, other float64) float64 { return plain / other }),
	{what: "syncs of a message, 64 connections", workload: "smtp64", required: "under 0.2", syncs: true, judge: below(colSyncs, 0.2)},
	sooner("p99 of the reply to DATA, 16 connections", "smtp16"),
	sooner("p99 of the reply to DATA, 64 connections", "smtp64"),
	most("start after a clean stop, ms", "start", crowded, colClean, 100),
	most("start after kill -9 with a log of 64 MiB, ms", "start", crowded, colKilled, 1000),
	most("memory after a clean start, MiB", "memory", crowded, colPSS, 40),
	most("peak with 64 connections of 5 MiB, MiB", "memory", crowded, colPeak, 300),
	most("memory a minute after load, MiB", "memory", crowded, colSettled, 90),
	better("IMAP mixed work of 20 clients", "imap-mixed", 2),
	better("logins of the same accounts", "logins", 2),
	better("the same over TLS", "logins-tls", 2),
	{what: "logins of ever new accounts", workload: "logins-new", required: "reported", judge: reported},
	better("POP3 drain, 1 client", "pop3-drain1", 2),
	better("POP3 drain, 8 clients", "pop3-drain8", 2),
	better("submission", "relay-one", 3),
	drained("queue to one domain", "relay-one", "", 2),
	drained("the same, Posthorn signing", "relay-one", signing, 0),
	drained("queue to 20 domains", "relay-20", "", 2),
	drained("the same, Posthorn signing", "relay-20", signing, 0),
}

// better promises so many times the reference's rate. Where the client could not
// do twice what it did, CPU counts.
func better(what, workload string, need float64) promise {
	return promise{what: what, workload: workload, required: fmt.Sprintf("%gx", need), judge: func(r result, ours, theirs string) (verdict, bool) {
		x, ok := r.ratio(ours, theirs, r.columns[0].name)
		v := verdict{fmt.Sprintf("%.2fx", x), x >= need, "limit: " + r.bound(ours)}
		if ok && r.clientBound(ours) {
			cpu, _ := r.ratio(ours, theirs, colCPU)
			v.met = v.met || cpu >= need
			v.remark = fmt.Sprintf("client-bound; CPU %.2fx", cpu)
		}
		return v, ok
	}}
}

// most promises a figure of a server of ours that is at most so much.
func most(what, workload, ending, column string, limit float64) promise {
	return promise{what: what, workload: workload, required: fmt.Sprintf("at most %g", limit), judge: func(r result, ours, _ string) (verdict, bool) {
		got, ok := r.get(ours+ending, column)
		v := verdict{reached: figure(got), met: got <= limit}
		if behind, ok := r.get(ours+ending, colBehind); ok {
			v.remark = figure(behind) + " of it behind delivery"
		}
		return v, ok
	}}
}

// within promises that a variant changes the rate less than so many times.
func within(what, workload, ending string, limit float64, change func(plain, other float64) float64) promise {
	return promise{what: what, workload: workload, required: fmt.Sprintf("less than %gx", limit), judge: func(r result, ours, theirs string) (verdict, bool) {
		unit := r.columns[0].name
		plain, ok := r.get(ours, unit)
		other, ok2 := r.get(ours+ending, unit)
		x := change(plain, other)
		v := verdict{reached: fmt.Sprintf("%.2fx", x), met: x < limit}
		if a, ok := r.get(theirs, unit); ok {
			if b, ok := r.get(theirs+ending, unit); ok {
				v.remark = fmt.Sprintf("%s: %.2fx", theirs, change(a, b))
			}
		}
		return v, ok && ok2
	}}
}

func below(column string, limit float64) judge {
	return func(r result, ours, theirs string) (verdict, bool) {
		got, ok := r.get(ours, column)
		their, _ := r.get(theirs, column)
		return verdict{figure(got), got < limit, theirs + ": " + figure(their)}, ok
	}
}

// sooner promises a reply under load that is not later than the reference's.
func sooner(what, workload string) promise {
	return promise{what: what, workload: workload, required: "below theirs", judge: func(r result, ours, theirs string) (verdict, bool) {
		a, ok := r.get(ours, colP99)
		b, ok2 := r.get(theirs, colP99)
		return verdict{figure(a) + " ms", a < b, theirs + ": " + figure(b) + " ms"}, ok && ok2
	}}
}

// largeMail has two ways to be kept.
func largeMail(r result, ours, theirs string) (verdict, bool) {
	x, ok := r.ratio(ours, theirs, r.columns[0].name)
	rate, _ := r.get(ours, r.columns[0].name)
	disk, okDisk := r.get(diskAlone, r.columns[0].name)
	return verdict{fmt.Sprintf("%.2fx, %.0f %% of the disk", x, 100*rate/disk), x >= 3 || rate >= 0.8*disk, "limit: " + r.bound(ours)}, ok && okDisk
}

func reported(r result, ours, _ string) (verdict, bool) {
	got, ok := r.get(ours+crowded, r.columns[0].name)
	cpu, _ := r.get(ours+crowded, colCPU)
	return verdict{figure(got) + "/s", true, fmt.Sprintf("%s ms CPU each", figure(cpu))}, ok
}

// drained promises so many times the reference's rate out of the queue; 0: it is
// reported.
func drained(what, workload, ending string, need float64) promise {
	p := promise{what: what, workload: workload, required: fmt.Sprintf("%gx", need)}
	if need == 0 {
		p.required = "reported"
	}
	p.judge = func(r result, ours, theirs string) (verdict, bool) {
		x, ok := r.ratio(ours+ending, theirs, colDrain)
		cpu, _ := r.ratio(ours+ending, theirs, colDrainCPU)
		return verdict{fmt.Sprintf("%.2fx", x), x >= need, fmt.Sprintf("CPU %.2fx", cpu)}, ok
	}
	return p
}

// shownOptions is what the suite wants of the flags that were not given.
func shownOptions(o *options, given map[string]bool) {
	o.variants = true
	if !given["mixed"] {
		o.mixed = 8 * time.Second
	}
	if !given["messages"] {
		o.messages = 10_000
	}
}

func shownNeeds(workload string) bool {
	return slices.ContainsFunc(promises, func(p promise) bool { return p.workload == workload })
}

// shownCounts tells whether a workload's syncs are promised.
func shownCounts(workload string) bool {
	return slices.ContainsFunc(promises, func(p promise) bool { return p.workload == workload && p.syncs })
}

// shown prints the promises on one page and tells how many were not kept.
func shown(results []result, ours, theirs string) (broken int) {
	t := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "\npromise\trequired\treached\t\tremark")
	for _, p := range promises {
		i := slices.IndexFunc(results, func(r result) bool { return r.name == p.workload })
		var v verdict
		known := false
		if i >= 0 {
			v, known = p.judge(results[i], ours, theirs)
		}
		said := "met"
		switch {
		case !known:
			v, said = verdict{reached: "-"}, "not measured"
		case p.required == "reported":
			said = ""
		case !v.met:
			said = "NOT MET"
			broken++
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", p.what, p.required, v.reached, said, v.remark)
	}
	t.Flush()
	return broken
}
