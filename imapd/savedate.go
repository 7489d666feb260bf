package imapd

import (
	"time"

	"posthorn/store"
)

// SAVEDATE (RFC 8514): when a message came into its mailbox, by delivery,
// APPEND, COPY or MOVE. Every mailbox of this store knows it. It is told in
// UTC, and days are compared in UTC.

func (f *fetcher) writeSaveDate(m *fetched) { f.s.out.Date(m.fact.Saved, 0) }

func savedKey(is func(time.Time) bool) node {
	return messageKey(func(msg *store.Message) bool { return is(msg.Saved.UTC()) })
}
