package store

// metadataSchema holds annotations of mailboxes and of the server (RFC 5464).
// account is whose private entry it is, 0 for one that all share; entry is in
// lower case, without /private or /shared; charged is the account whose limit
// it counts against, the mailbox's owner for a shared one.
//
// mailboxes.annotated counts the changes; 0: there never was an entry.
const metadataSchema = `
ALTER TABLE mailboxes ADD COLUMN annotated INTEGER NOT NULL DEFAULT 0;

CREATE TABLE metadata (
	mailbox INTEGER NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
	account INTEGER NOT NULL,
	entry   TEXT NOT NULL,
	value   BLOB NOT NULL,
	charged INTEGER NOT NULL,
	PRIMARY KEY (mailbox, account, entry)
) STRICT;
CREATE INDEX metadata_charged ON metadata (charged);

CREATE TABLE server_metadata (
	account INTEGER NOT NULL,
	entry   TEXT NOT NULL,
	value   BLOB NOT NULL,
	PRIMARY KEY (account, entry)
) STRICT;
`
