package main

import "testing"

// Each promise is about a workload there is and servers that are measured in it.
func TestPromisesAreMeasured(t *testing.T) {
	o := options{suite: "shown", mixed: 1, messages: 100}
	all, err := o.workloads()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range promises {
		var w *workload
		for i := range all {
			if all[i].name == p.workload {
				w = &all[i]
			}
		}
		if w == nil {
			t.Errorf("%s: there is no workload %s", p.what, p.workload)
			continue
		}
		servers := append([]string{"posthorn", "postfix+dovecot", nothing, diskAlone}, w.besides...)
		if w.alone != "" {
			servers = []string{w.alone}
		}
		r := result{workload: *w}
		for _, s := range servers {
			row := row{server: s}
			for range w.columns {
				row.medians = append(row.medians, 1)
			}
			r.rows = append(r.rows, row)
		}
		if _, known := p.judge(r, "posthorn", "postfix+dovecot"); !known {
			t.Errorf("%s: %s does not measure it", p.what, p.workload)
		}
	}
}

func TestJudges(t *testing.T) {
	mail := workload{name: "smtp16", traffic: true, ceiling: true, conns: 16, columns: trafficColumns("msg/s")}
	row16 := func(server string, rate, p99, cpu float64) row {
		return row{server, 5, []float64{rate, 1, 2, p99, cpu, 0.1, 0.1, 5, 30, noFigure}}
	}
	r := result{mail, []row{row16("ours", 1800, 10, 0.5), row16("ours"+unsynced, 3600, 5, 0.4), row16("theirs", 300, 11, 4), row16(nothing, 9000, 1, 0)}}
	bound := result{mail, []row{row16("ours", 900, 10, 0.5), row16("theirs", 300, 11, 4), row16(nothing, 1000, 1, 0)}}
	for _, c := range []struct {
		what string
		p    promise
		r    result
		met  bool
	}{
		{"six times", better("", "", 6), r, true},
		{"not seven times", better("", "", 7), r, false},
		{"three times where the client is the limit and the CPU a eighth", better("", "", 6), bound, true},
		{"CPU", most("", "", "", colCPU, 0.5), r, true},
		{"too much CPU", most("", "", "", colCPU, 0.4), r, false},
		{"twice is not less than twice", within("", "", unsynced, 2, func(a, b float64) float64 { return b / a }), r, false},
		{"a sooner reply", sooner("", ""), r, true},
	} {
		if v, known := c.p.judge(c.r, "ours", "theirs"); !known || v.met != c.met {
			t.Errorf("%s: %+v, %v", c.what, v, known)
		}
	}
	if v, known := below(colSyncs, 1)(r, "ours", "theirs"); known {
		t.Errorf("syncs that were not counted are judged: %+v", v)
	}
	if n := shown([]result{r}, "ours", "theirs"); n != 1 {
		t.Errorf("%d promises are said to be broken, not the one about syncs left out", n)
	}
}
