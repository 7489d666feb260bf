package store

// holdsSchema: what keeps deliveries from being tried, and who goes first.
//
// holds: one row for each thing that is held; kind and what say what (Hold).
// pass_every lets one message through each so long, next at pass_at; 0: none.
// An ended hold stays until nothing that it kept is left. Times are Unix
// nanoseconds.
//
// deliveries.hold is the hold that keeps a delivery, 0 for none. One that is kept
// for good has held = 1 and is in no index that the scheduler reads; one that is
// kept for a time has a ready of its own. held = 1 without a hold waits for an
// administrator by itself.
//
// The scheduler's index begins with the priority, so that each class is asked
// for what is due of it alone. items_key is for what looks content up: a start
// after a crash, and check.
const holdsSchema = `
CREATE TABLE holds (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	kind       TEXT NOT NULL CHECK (kind IN ('all', 'item', 'sender', 'destination')),
	what       TEXT NOT NULL,
	reason     TEXT NOT NULL,
	set_by     TEXT NOT NULL,
	since      INTEGER NOT NULL,
	until      INTEGER NOT NULL, -- 0: until it is released
	pass_every INTEGER NOT NULL,
	pass_at    INTEGER NOT NULL,
	probe      INTEGER NOT NULL,
	notice     INTEGER NOT NULL,
	age        INTEGER NOT NULL,
	ended      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX holds_what ON holds (kind, what) WHERE ended = 0;
CREATE INDEX holds_ended ON holds (id) WHERE ended = 1;

ALTER TABLE deliveries ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
DROP INDEX deliveries_ready;
CREATE INDEX deliveries_ready ON deliveries (priority, ready) WHERE state = 'waiting' AND held = 0;
CREATE INDEX deliveries_hold ON deliveries (hold) WHERE hold <> 0;
CREATE INDEX items_key ON items (key);
`
