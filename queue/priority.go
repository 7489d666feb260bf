package queue

import (
	"posthorn/mail"
	"posthorn/store"
)

// manyRecipients make a message bulk.
const manyRecipients = 30

// priority says how soon m goes out among others: reports and other mail that
// nobody answers for last, and what goes to many after what one person wrote to
// another.
func priority(m *mail.Mail, bulk bool) store.Priority {
	switch {
	case m.From.IsNull():
		return store.Reports
	case bulk || len(m.To) > manyRecipients:
		return store.Bulk
	}
	return store.People
}
