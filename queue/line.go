package queue

import "posthorn/store"

// line is works that wait for their attempt, those of each priority in the order
// in which they came. The zero value is empty.
type line struct {
	lanes [store.Priorities][]*work
	n     int
}

func (l *line) push(w *work) {
	l.lanes[w.priority] = append(l.lanes[w.priority], w)
	l.n++
}

// pop takes the first of a priority; there must be one.
func (l *line) pop(p store.Priority) *work {
	lane := l.lanes[p]
	w := lane[0]
	lane[0] = nil
	l.lanes[p] = lane[1:]
	l.n--
	return w
}

// empty takes all, first to last.
func (l *line) empty() []*work {
	all := make([]*work, 0, l.n)
	for _, lane := range l.lanes {
		all = append(all, lane...)
	}
	*l = line{}
	return all
}

// turns says whose turn it is when works of several priorities wait: people come
// first, and nobody waits for ever.
var turns = [...]store.Priority{
	store.People, store.People, store.People, store.Bulk, store.People, store.People, store.People, store.Bulk,
	store.People, store.People, store.People, store.Reports,
}

// rings are the destinations that may start work, for each priority that they
// have: in turn, so that none waits for another.
type rings struct {
	of   [store.Priorities][]*destination
	turn int
}

// list puts d in the rings it belongs to.
func (r *rings) list(d *destination) {
	if !d.mayStart() {
		return
	}
	for p := range d.queue.lanes {
		if len(d.queue.lanes[p]) > 0 && !d.listed[p] {
			d.listed[p] = true
			r.of[p] = append(r.of[p], d)
		}
	}
}

// next takes the destination whose turn it is out of its ring; allowed says
// which priorities may start something now. False: none may.
func (r *rings) next(allowed func(store.Priority) bool) (*destination, store.Priority, bool) {
	p := turns[r.turn%len(turns)]
	for i := range store.Priority(store.Priorities + 1) {
		if i > 0 {
			p = i - 1 // it is the turn of nobody who is there: by rank
		}
		if len(r.of[p]) > 0 && allowed(p) {
			r.turn++
			d := r.of[p][0]
			r.of[p][0] = nil
			r.of[p] = r.of[p][1:]
			d.listed[p] = false
			return d, p, true
		}
	}
	return nil, 0, false
}
