package store

// eventsSchema makes messages findable by what people know of them.
//
// Queue ids, addresses and Message-IDs come in no order, so an index over a month
// of them would be written all over with every message. With the day in front each
// message touches the day's part alone, which stays in memory, and a search looks
// at each of the thirty days (trace.go). leads marks the events by which a message
// is found: one for each recipient, when it comes, and not each attempt.
//
// linked is the queue id of another message: what this one became, or what it
// came from.
const eventsSchema = `
ALTER TABLE events ADD COLUMN day INTEGER NOT NULL DEFAULT 0; -- since 1970, UTC
ALTER TABLE events ADD COLUMN detail TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN linked TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN leads INTEGER NOT NULL DEFAULT 0;
UPDATE events SET day = at / 86400000000000, leads = kind <> 'deferred';
DROP INDEX events_item;
DROP INDEX events_message_id; -- of returnSchema
CREATE INDEX events_session ON events (day, session);
CREATE INDEX events_sender ON events (day, lower(sender)) WHERE leads = 1;
CREATE INDEX events_recipient ON events (day, lower(recipient)) WHERE leads = 1;
CREATE INDEX events_message_id ON events (day, message_id) WHERE leads = 1 AND message_id <> '';
`
