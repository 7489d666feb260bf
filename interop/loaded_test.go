package interop

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"posthorn/interop/peer"
	"posthorn/interop/promise"
)

// loaded is a server under a load.
type loaded struct {
	*testing.T
	pr     *peer.Process
	load   *promise.Load
	stop   func() // stops the load and waits for its end
	kills  kills
	starts []time.Duration // from its start until the server listened
}

// newLoaded makes one; its data is in dir, if one is given.
func newLoaded(t *testing.T, dir string) *loaded {
	t.Helper()
	sink, err := promise.ListenSink()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sink.Close() })
	port, err := peer.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	lmtp := fmt.Sprintf("127.0.0.1:%d", port)
	pr := serve(t, peer.Posthorn{Dir: dir, Users: promise.Users, Config: fmt.Sprintf(`
[lmtp]
listen = %q
[queue]
first_retry = "200ms"
max_retry = "1s"
sending_hour = 0
sending_day = 0
[[route]]
domain = %q
via = %q
`, lmtp, promise.Domain, sink.Addr)})
	return &loaded{T: t, pr: pr, load: promise.New(promise.Target{Server: pr.Server, LMTP: lmtp}, sink)}
}

// begin starts the load.
func (w *loaded) begin() {
	ctx, cancel := context.WithCancel(w.Context())
	ended := make(chan struct{})
	go func() {
		w.load.Run(ctx)
		close(ended)
	}()
	w.stop = func() {
		cancel()
		<-ended
	}
}

// judgeRelayed holds what left for elsewhere: to everybody, and twice only by a kill.
func (w *loaded) judgeRelayed() {
	twice, all := w.load.Relayed(time.Minute)
	for _, p := range w.load.Problems() {
		w.Error(p)
	}
	told := entered(w.T, w.pr)
	for to, at := range twice {
		if !w.kills.excuse(told[to], at, false) {
			w.Errorf("%s: sent to at %v, entered at %v, and no kill between explains it", to, at, told[to])
		}
	}
	w.Logf("%d recipients elsewhere, %d sent to again because of a kill", all, len(twice))
}

// keep copies the data away from the test's folder, which goes with it.
func (w *loaded) keep() string {
	w.pr.Signal(syscall.SIGTERM)
	dir, err := os.MkdirTemp("", "posthorn-kept")
	if err == nil {
		err = os.CopyFS(filepath.Join(dir, "posthorn"), os.DirFS(w.pr.Dir))
	}
	if err != nil {
		return err.Error()
	}
	return dir
}
