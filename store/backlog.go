package store

import (
	"log/slog"
	"time"
)

// backlog tells the log how far the deriver has come when it has much to do: after
// an upgrade, a reindex, or mail that was brought in. What comes in day by day is
// not worth a line. The goroutine that holds deriver.working owns it.
type backlog struct {
	log   *slog.Logger
	began time.Time // of the work the log was told of; zero when of none
	told  time.Time
	done  int64 // messages
}

const (
	// backlogWorth is how many messages waiting are worth a line.
	backlogWorth = 1000
	// backlogPause is how long the log's last line about it stands.
	backlogPause = time.Minute
)

// waits says that this many messages wait to be looked at.
func (b *backlog) waits(messages int64) {
	if messages < backlogWorth || !b.began.IsZero() {
		return
	}
	b.began, b.told, b.done = time.Now(), time.Now(), 0
	b.log.Info("mail is indexed behind delivery", "messages", messages)
}

// did says that some of them have been.
func (b *backlog) did(messages int) {
	if b.began.IsZero() {
		return
	}
	if b.done += int64(messages); time.Since(b.told) >= backlogPause {
		b.told = time.Now()
		b.log.Info("mail is still being indexed", "messages", b.done, "took", time.Since(b.began))
	}
}

// end says that nothing waits any more.
func (b *backlog) end() {
	if !b.began.IsZero() {
		b.log.Info("all mail is indexed", "messages", b.done, "took", time.Since(b.began))
		b.began = time.Time{}
	}
}
