package store

// eventsAgeSchema: events are forgotten in the order they were entered in, which
// their ids have (events.go).
const eventsAgeSchema = `DROP INDEX events_at;`
