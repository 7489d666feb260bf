package interop

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKillUnderLoad kills the server under a load from all its doors, again and
// again, at moments of all kinds. After each restart package promise holds it to
// all that it ever answered, and the store is clean. Mail for elsewhere may have
// been sent twice when a kill came between its taking there and our commit, and
// only then. POSTHORN_KILLS sets the rounds.
func TestKillUnderLoad(t *testing.T) {
	rounds := len(moments)
	if v, err := strconv.Atoi(os.Getenv("POSTHORN_KILLS")); err == nil {
		rounds = v
	}
	w := newLoaded(t, "")
	for round := range rounds {
		at := moments[round%len(moments)]
		w.round(at, round/len(moments)%2 == 0)
		if found := w.load.Problems(); len(found) > 0 {
			for _, p := range found {
				t.Error(p)
			}
			t.Fatalf("round %d, killed %s; the data is kept in %s", round+1, at.name, w.keep())
		}
	}
	for said, n := range w.load.Refusals() {
		if !strings.Contains(said, "421 4.3.2") && !strings.Contains(said, "The server is shutting down") {
			t.Errorf("refused %d times: %s", n, said)
		}
	}
	w.judgeRelayed()
	slices.Sort(w.starts)
	t.Logf("%d rounds, %d kills; answered: %v; listening again after %v (median), %v (most)",
		rounds, len(w.kills), w.load.Done(), w.starts[len(w.starts)/2], w.starts[len(w.starts)-1])
	for what, n := range w.load.Done() {
		if n < rounds/10 {
			t.Errorf("%s was answered %d times in %d rounds: that was no load", what, n, rounds)
		}
	}
}

// round is one kill and what is found then. The store is checked before the server
// runs again, or while it does.
func (w *loaded) round(at moment, before bool) {
	w.begin()
	at.kill(w)
	w.stop()
	check := func() {
		if out, err := w.pr.Verb("", "check"); err != nil {
			w.Fatalf("killed %s: check: %v\n%s\nthe data is kept in %s", at.name, err, out, w.keep())
		}
	}
	if before {
		check()
	}
	w.serve()
	if err := w.load.Verify(); err != nil {
		w.Fatalf("killed %s: %v", at.name, err)
	}
	if !before {
		check()
	}
}

func (w *loaded) serve() {
	began := time.Now()
	if err := w.pr.Serve(); err != nil {
		w.Fatal(err)
	}
	w.starts = append(w.starts, time.Since(began))
}

func (w *loaded) kill() {
	w.pr.Signal(syscall.SIGKILL)
	w.kills = append(w.kills, time.Now())
}

// moment is one at which the server is killed. The load is running, and clients
// come again, when it begins; the server is dead when it ends.
type moment struct {
	name string
	kill func(w *loaded)
}

var moments = []moment{
	{"under load", func(w *loaded) {
		wait(300, 1500)
		w.kill()
	}},
	{"while it starts after a kill", func(w *loaded) {
		wait(200, 600)
		w.kill()
		for range 1 + rand.IntN(3) {
			if err := w.pr.Launch(); err != nil {
				w.Fatal(err)
			}
			wait(0, 60)
			w.kill()
		}
	}},
	{"as soon as it listens", func(w *loaded) {
		wait(200, 600)
		w.kill()
		w.serve()
		wait(0, 200)
		w.kill()
	}},
	{"while the log goes into the database", func(w *loaded) {
		wait(100, 300)
		file := filepath.Join(w.pr.Dir, "data", "posthorn.db")
		before, end := modified(w.T, file), time.Now().Add(3*time.Second)
		for modified(w.T, file).Equal(before) && time.Now().Before(end) {
			time.Sleep(100 * time.Microsecond)
		}
		w.kill()
	}},
	{"while it ends", func(w *loaded) {
		wait(200, 600)
		ended := make(chan struct{})
		go func() {
			w.pr.Signal(syscall.SIGTERM)
			close(ended)
		}()
		wait(0, 60)
		w.kill()
		<-ended
	}},
	{"while names are mirrored", func(w *loaded) {
		wait(200, 600)
		w.stop()
		wait(950, 1250)
		w.kill()
	}},
}

// wait lets some milliseconds pass, at random between two numbers of them: the
// moment of a kill is any.
func wait(from, to int) {
	time.Sleep(time.Duration(1000*from+rand.IntN(1000*(to-from))) * time.Microsecond)
}

func modified(t *testing.T, file string) time.Time {
	t.Helper()
	i, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return i.ModTime()
}
