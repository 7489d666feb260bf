package store

// unfiledSchema holds small content until its file is durable (filing.go). key is
// the one it was put under: its rows have it, or one made from it. items.unfiled
// is the id of the content of a message that has no file and is nobody else's; 0
// when there may be a file.
const unfiledSchema = `
CREATE TABLE unfiled (
	id      INTEGER PRIMARY KEY,
	key     TEXT NOT NULL,
	content BLOB NOT NULL
) STRICT;
ALTER TABLE items ADD COLUMN unfiled INTEGER NOT NULL DEFAULT 0;
`
