package queue

import (
	"slices"

	"posthorn/store"
)

// flights are the deliveries that are claimed and not yet settled.
type flights struct {
	of    map[store.DeliveryID]flight
	count [store.Priorities]int
}

type flight struct {
	priority store.Priority
	again    bool // it was claimed a second time meanwhile
	ended    bool // an administrator has ended it meanwhile
}

func newFlights() flights { return flights{of: make(map[store.DeliveryID]flight)} }

// has tells whether a delivery is in flight, and remembers that it was asked: who
// asks has claimed it anew.
func (f *flights) has(id store.DeliveryID) bool {
	x, ok := f.of[id]
	if ok {
		x.again = true
		f.of[id] = x
	}
	return ok
}

func (f *flights) add(id store.DeliveryID, p store.Priority) {
	f.of[id] = flight{priority: p}
	f.count[p]++
}

// land takes a delivery out, and tells whether it was claimed again meanwhile.
func (f *flights) land(id store.DeliveryID) (again bool) {
	x, ok := f.of[id]
	if !ok {
		return false
	}
	delete(f.of, id)
	f.count[x.priority]--
	return x.again
}

// end notes that a delivery that is in flight has been ended.
func (f *flights) end(id store.DeliveryID) {
	if x, ok := f.of[id]; ok {
		x.ended = true
		f.of[id] = x
	}
}

// drop takes those of w out that have ended while they waited for their attempt,
// and tells whether any are left.
func (f *flights) drop(w *work) bool {
	w.deliveries = slices.DeleteFunc(w.deliveries, func(d store.Delivery) bool {
		ended := f.of[d.ID].ended
		if ended {
			f.land(d.ID)
		}
		return ended
	})
	return len(w.deliveries) > 0
}

// shares is what part of the backlog each priority may fill, in quarters: however
// much bulk mail waits, there is room for people's.
var shares = [store.Priorities]int{store.People: 4, store.Bulk: 3, store.Reports: 2}

// room is how many deliveries of each priority may be claimed now. A room that is
// hardly worth a claim is none.
func (f *flights) room(backlog int) (room store.Room, any bool) {
	least := min(claimBatch/4, max(1, backlog/8))
	for p, quarters := range shares {
		n := min(claimBatch, backlog-len(f.of), max(1, backlog*quarters/4)-f.count[p])
		if n >= least {
			room[p], any = n, true
		}
	}
	return room, any
}
