package store

// noticesSchema: what the administrator has been told by mail, so that he is not
// told the same again within a day, also after a restart. at is Unix
// nanoseconds.
const noticesSchema = `
CREATE TABLE notices (
	kind TEXT NOT NULL,
	key  TEXT NOT NULL,
	at   INTEGER NOT NULL,
	PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX notices_at ON notices (at);
`
