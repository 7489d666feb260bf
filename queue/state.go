package queue

import (
	"cmp"
	"context"
	"slices"
	"time"

	"posthorn/mail"
)

// DestinationState is what the scheduler knows about a destination it has to do
// with.
type DestinationState struct {
	Name    string
	Running int // attempts
	Waiting int // attempts that are due and wait for their turn
	Window  int // attempts that may run at a time
	// Trouble is what it had to say when it was last in trouble as a whole, and Till
	// until when it is not asked; both zero when it answers.
	Trouble  mail.Status
	Till     time.Time
	Failures int // in a row, to be served there at all
}

// Destinations gives the destinations the scheduler knows, by name; none while
// Run does not run.
func (q *Queue) Destinations(ctx context.Context) ([]DestinationState, error) {
	answer := make(chan []DestinationState, 1)
	q.mu.Lock()
	if !q.runs {
		q.mu.Unlock()
		return nil, nil
	}
	q.orders.ask = append(q.orders.ask, answer)
	q.mu.Unlock()
	q.nudge()
	select {
	case all := <-answer:
		return all, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// begin and end mark the time in which somebody answers.
func (q *Queue) begin() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.runs = true
}

func (q *Queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.runs = false
	for _, answer := range q.orders.ask {
		answer <- nil
	}
	q.orders.ask = nil
}

func (s *scheduler) states() []DestinationState {
	all := make([]DestinationState, 0, len(s.destinations))
	for _, d := range s.destinations {
		state := DestinationState{Name: d.name, Running: d.running, Waiting: d.queue.n, Window: max(1, int(d.window))}
		if d.troubles > 0 {
			state.Trouble, state.Till, state.Failures = d.trouble, d.deadTill, d.troubles
		}
		all = append(all, state)
	}
	slices.SortFunc(all, func(a, b DestinationState) int { return cmp.Compare(a.Name, b.Name) })
	return all
}
