package store

// queueSchema holds what this host has taken responsibility for, and what
// became of it. An item is one message; each of its deliveries is one recipient
// in exactly one state. Times are Unix nanoseconds.
//
// ready is the later of due and claimed_until: the scheduler's one index, so
// that looking for work never reads a row that cannot be worked on. Events have
// no reference to items: they outlive them.
const queueSchema = `
CREATE TABLE items (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	queue_id    TEXT NOT NULL,
	key         TEXT NOT NULL,
	size        INTEGER NOT NULL,
	from_local  TEXT NOT NULL,
	from_domain TEXT NOT NULL,
	envid       TEXT NOT NULL,
	ret         INTEGER NOT NULL,
	body        INTEGER NOT NULL,
	utf8        INTEGER NOT NULL,
	require_tls INTEGER NOT NULL,
	login       TEXT NOT NULL,
	proven      INTEGER NOT NULL,
	peer        TEXT NOT NULL,
	protocol    TEXT NOT NULL,
	message_id  TEXT NOT NULL,
	arrived     INTEGER NOT NULL,
	expires     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX items_queue_id ON items (lower(queue_id)); -- people type it in any case

CREATE TABLE deliveries (
	id            INTEGER PRIMARY KEY AUTOINCREMENT,
	item          INTEGER NOT NULL REFERENCES items (id) ON DELETE CASCADE,
	local         TEXT NOT NULL,
	domain        TEXT NOT NULL,
	orcpt         TEXT NOT NULL,
	notify        INTEGER NOT NULL,
	destination   TEXT NOT NULL,
	state         TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
	report        TEXT NOT NULL CHECK (report IN ('none', 'due', 'written')),
	held          INTEGER NOT NULL,
	delayed       INTEGER NOT NULL DEFAULT 0,
	attempts      INTEGER NOT NULL DEFAULT 0,
	due           INTEGER NOT NULL,
	claimed_by    TEXT NOT NULL DEFAULT '',
	claimed_until INTEGER NOT NULL DEFAULT 0,
	ready         INTEGER NOT NULL,
	updated       INTEGER NOT NULL,
	reply_name    TEXT NOT NULL,
	reply_code    INTEGER NOT NULL,
	reply_x       TEXT NOT NULL,
	reply_text    TEXT NOT NULL,
	mta           TEXT NOT NULL
) STRICT;
CREATE INDEX deliveries_item ON deliveries (item);
CREATE INDEX deliveries_ready ON deliveries (ready) WHERE state = 'waiting' AND held = 0;
CREATE INDEX deliveries_claimed ON deliveries (claimed_by) WHERE claimed_by <> '';

CREATE TABLE events (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	at         INTEGER NOT NULL,
	kind       TEXT NOT NULL,
	item       INTEGER NOT NULL, -- 0: none
	session    TEXT NOT NULL,
	message_id TEXT NOT NULL,
	sender     TEXT NOT NULL,
	recipient  TEXT NOT NULL,
	mta        TEXT NOT NULL,
	status     TEXT NOT NULL,
	took       INTEGER NOT NULL
) STRICT;
CREATE INDEX events_at ON events (at);
CREATE INDEX events_item ON events (item) WHERE item <> 0;
`
