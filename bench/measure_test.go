package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"posthorn/interop/peer"
)

func TestRatiosAreBetterAboveOne(t *testing.T) {
	r := result{workload{traffic: true, ceiling: true, columns: []column{{"msg/s", more}, {"p99 ms", less}, {"idle %", neither}, {"syncs each", less}}},
		[]row{{"ours", 5, []float64{600, 5, 3, noFigure}}, {"theirs", 5, []float64{300, 20, 9, 4}}, {nothing, 5, []float64{1000, 1, 1, noFigure}}}}
	for _, c := range []struct {
		column string
		want   string
	}{{"msg/s", "2.00x"}, {"p99 ms", "4.00x"}, {"idle %", "-"}, {"syncs each", "-"}, {"no such", "-"}} {
		if got := r.ratioText("ours", "theirs", c.column); got != c.want {
			t.Errorf("%s: %s, want %s", c.column, got, c.want)
		}
	}
	if !r.clientBound("ours") || r.clientBound("theirs") {
		t.Error("600 of a client that can do 1,000 is bound by it, 300 is not")
	}
}

// A server that lacks something is left out, and no other.
func TestLacking(t *testing.T) {
	w := workload{columns: []column{{"ms", less}},
		prepare: func(s *peer.Server, _ float64) error {
			if s.Name == "without" {
				return fmt.Errorf("prepare: %w", errLacking{"SORT"})
			}
			return nil
		},
		round: func(s *peer.Server, _ float64) ([]float64, error) {
			if s.Name == "later" {
				return nil, errLacking{"TLS"}
			}
			return []float64{1}, nil
		}}
	rows, err := rowsOf(w, []*peer.Server{{Name: "with"}, {Name: "without"}, {Name: "later"}, {Name: nothing}}, 5, 1)
	if err != nil || len(rows) != 2 || rows[0].server != "with" || rows[0].rounds != 5 || rows[1].rounds != ceilingRounds {
		t.Errorf("%+v, %v", rows, err)
	}
	w.round = func(*peer.Server, float64) ([]float64, error) { return nil, errors.New("lost a message") }
	if _, err := rowsOf(w, []*peer.Server{{Name: "with"}}, 5, 1); err == nil {
		t.Error("a round that failed is nothing to it")
	}
}

func TestMediansLeaveOutWhatWasNotMeasured(t *testing.T) {
	got := medians([][]float64{{3, noFigure}, {1, noFigure}, {2, noFigure}}, 2)
	if got[0] != 2 || !math.IsNaN(got[1]) {
		t.Errorf("medians are %v", got)
	}
}

func TestLimit(t *testing.T) {
	for _, c := range []struct {
		what                                    string
		lanes, machine, each, cpu, client, idle float64
		want                                    string
	}{
		{"both CPUs are busy with the server", 2, 2, 1, 1.5, 0.4, 0.05, "CPU"},
		{"both are busy with the client", 2, 2, 1, 0.4, 1.5, 0.05, "client"},
		{"one operation at a time waits for nothing", 1, 2, 1, 0.8, 0.2, 0.5, "CPU"},
		{"one operation at a time waits for the disk", 1, 2, 1, 0.3, 0.2, 0.75, "disk"},
		{"many wait for the disk", 2, 2, 1, 0.8, 0.2, 0.5, "disk"},
	} {
		if got := limit(c.lanes, c.machine, c.each, c.cpu, c.client, c.idle); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

func TestSyncsAreCountedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := &syncLog{path: path}
	write := func(s string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(s); err != nil {
			t.Fatal(err)
		}
	}
	want := func(n int) {
		t.Helper()
		if got, err := l.count(); err != nil || got != n {
			t.Fatalf("%d syncs, %v; want %d", got, err, n)
		}
	}
	write("10 fsync(5) = 0\n11 fdatasync(6 <unfinished ...>\n10 syncfs(7) = 0 (DELAYED)\n")
	want(3)
	write("11 <... fdatasync resumed>) = 0\n12 fsync(")
	want(3)
	write("8) = -1 EIO\n")
	want(4)
}

func TestDescribed(t *testing.T) {
	s, err := described("name=mox smtp=127.0.0.1:25 imaps=127.0.0.1:993 users=u%d@x.test password=p pid=1,2")
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "mox" || s.SMTP != "127.0.0.1:25" || s.IMAPS != "127.0.0.1:993" || s.Password != "p" || len(s.Users) != len(users) || s.Users[1] != "u2@x.test" || len(s.Roots()) != 2 {
		t.Errorf("%+v", s)
	}
	for _, bad := range []string{"smtp", "users=me@x.test", "users=u%d@x.test what=1", "users=u%d@x.test pid=x"} {
		if _, err := described(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
