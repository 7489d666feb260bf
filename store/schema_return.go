package store

// returnSchema is what judges mail that comes back. items.forwarder is the
// address of ours that sent a stranger's message on; events.login says whose
// mail it was: an account's login, "local" for this host's own, empty for a
// stranger's. The first index finds what our people sent, for thirty days, by
// what a bounce says about it; the second what still waits.
const returnSchema = `
ALTER TABLE items ADD COLUMN forwarder TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN login TEXT NOT NULL DEFAULT '';
CREATE INDEX events_message_id ON events (message_id, recipient COLLATE NOCASE) WHERE message_id <> '';
CREATE INDEX items_message_id ON items (message_id) WHERE message_id <> '';
`

// sentSchema: acceptance is an event now, and the queue need not be searched.
const sentSchema = `DROP INDEX items_message_id;`
