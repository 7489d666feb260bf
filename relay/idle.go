package relay

import (
	"slices"
	"sync"
	"time"
)

// Bounds of what is kept open.
const (
	maxIdle     = 100 // sessions in all
	maxSessions = 100 // transactions of one session
)

// idle holds sessions that wait a moment for more mail to the same place.
type idle struct {
	wait time.Duration

	mu       sync.Mutex
	sessions map[string][]*waiting // guarded by mu, by hop
	count    int                   // guarded by mu
	closed   bool                  // guarded by mu

	leaving sync.WaitGroup // sessions that take their leave
}

type waiting struct {
	*session
	timer *time.Timer
}

func newIdle(wait time.Duration) *idle {
	return &idle{wait: wait, sessions: make(map[string][]*waiting)}
}

// take gives a session for the hop, the one used last, or nil.
func (d *idle) take(key string) *session {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := d.sessions[key]
	if len(list) == 0 {
		return nil
	}
	w := list[len(list)-1]
	d.remove(w)
	w.timer.Stop()
	return w.session
}

// put keeps s for its hop, or tells that there is no room.
func (d *idle) put(s *session) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.wait <= 0 || d.count >= maxIdle {
		return false
	}
	w := &waiting{session: s}
	w.timer = time.AfterFunc(d.wait, func() { d.expire(w) })
	d.sessions[s.key] = append(d.sessions[s.key], w)
	d.count++
	return true
}

func (d *idle) expire(w *waiting) {
	d.mu.Lock()
	mine := d.remove(w) // else somebody took it at the last moment
	d.mu.Unlock()
	if mine {
		d.leave(w.session)
	}
}

// leave ends a session. Nobody waits for what the server has to say to that but
// close.
func (d *idle) leave(s *session) {
	if s.Broken() {
		s.Close()
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed { // and waits for nobody new
		s.Close()
		return
	}
	d.leaving.Go(s.Quit)
}

// remove takes w out of the list; it is the caller who holds mu.
func (d *idle) remove(w *waiting) bool {
	list := d.sessions[w.key]
	i := slices.Index(list, w)
	if i < 0 {
		return false
	}
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		delete(d.sessions, w.key)
	} else {
		d.sessions[w.key] = list
	}
	d.count--
	return true
}

// close ends all that waits, keeps nothing from now on, and returns when the
// last session has gone.
func (d *idle) close() {
	d.mu.Lock()
	var all []*waiting
	for _, list := range d.sessions {
		all = append(all, list...)
	}
	clear(d.sessions)
	d.count, d.closed = 0, true
	d.mu.Unlock()
	for _, w := range all {
		w.timer.Stop()
		d.leaving.Go(w.Quit)
	}
	d.leaving.Wait()
}

// keep puts a session aside for the next message or closes it.
func (r *Relay) keep(s *session) {
	s.used++
	if s.Broken() || s.used >= maxSessions || !r.idle.put(s) {
		r.idle.leave(s)
	}
}
