package queue

// SetLimits makes the scheduler's memory small.
func (q *Queue) SetLimits(backlog, unproven int) { q.backlog, q.unproven = backlog, unproven }

// Nudge has the scheduler look for what is due.
func (q *Queue) Nudge() { q.nudge() }
