package store

import "posthorn/internal/db"

// schema is every version of the tables, oldest first. A version that was
// released is never changed: what comes later is a migration of its own. Ids
// and times are 64-bit integers.
var schema = []db.Migration{
	directorySchema + mailSchema + queueSchema,
	openingSchema,
	sharingSchema + reservedSchema,
	credentialsSchema,
	metadataSchema,
	limitsSchema,
	returnSchema,
	noticesSchema,
	reportsSchema,
	tlsSchema,
	eventsSchema,
	holdsSchema,
	backupSchema,
	listingSchema,
	tlsResultsSchema,
	ratesSchema,
	sentSchema,
	sendingSchema,
	unfiledSchema,
	eventsAgeSchema,
	maildropsSchema,
}

// mailSchema holds what is in the mailboxes. docs/store.md says which invariant
// each table carries.
//
// mailboxes: a deleted one has no name; its messages go in small steps. folder
// is where its files are, below the account's Maildir, and follows a new name
// a moment later. modseq is the highest of its messages, floor the one below
// which expunged UIDs have been forgotten, mirrored the one up to which file
// names show the flags.
//
// messages: expunged is 0 while it is there, else the time it was expunged;
// modseq is then the expunge's. An empty uidl means that the key is it.
//
// thread_ids: the hash of a Message-ID that was seen as a message's own or
// among its references, with the hash of the base subject it stood under.
const mailSchema = `
CREATE TABLE mailboxes (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	account      INTEGER NOT NULL REFERENCES accounts (id),
	name         TEXT,
	role         TEXT NOT NULL,
	folder       TEXT NOT NULL,
	uidvalidity  INTEGER NOT NULL,
	uidnext      INTEGER NOT NULL DEFAULT 1,
	modseq       INTEGER NOT NULL,
	floor        INTEGER NOT NULL DEFAULT 0,
	messages     INTEGER NOT NULL DEFAULT 0,
	unseen       INTEGER NOT NULL DEFAULT 0,
	deleted      INTEGER NOT NULL DEFAULT 0,
	size         INTEGER NOT NULL DEFAULT 0,
	first_recent INTEGER NOT NULL DEFAULT 1,
	mirrored     INTEGER NOT NULL DEFAULT 0,
	UNIQUE (account, name),
	UNIQUE (account, folder)
) STRICT;
CREATE UNIQUE INDEX mailboxes_role ON mailboxes (account, role) WHERE role <> '' AND name IS NOT NULL;
CREATE INDEX mailboxes_deleted ON mailboxes (account, id) WHERE name IS NULL;

CREATE TABLE keywords (
	mailbox INTEGER NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
	bit     INTEGER NOT NULL, -- 0 to 55, in order of first use
	name    TEXT NOT NULL,    -- as first written
	folded  TEXT NOT NULL,    -- keywords are compared without regard to case
	PRIMARY KEY (mailbox, bit),
	UNIQUE (mailbox, folded)
) STRICT, WITHOUT ROWID;

CREATE TABLE subscriptions (
	account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
	name    TEXT NOT NULL,
	PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
	mailbox  INTEGER NOT NULL REFERENCES mailboxes (id),
	uid      INTEGER NOT NULL,
	key      TEXT NOT NULL,
	size     INTEGER NOT NULL,
	flags    INTEGER NOT NULL,
	modseq   INTEGER NOT NULL,
	internal INTEGER NOT NULL, -- Unix seconds
	zone     INTEGER NOT NULL, -- of INTERNALDATE, seconds east of UTC
	saved    INTEGER NOT NULL, -- Unix seconds
	email    INTEGER NOT NULL,
	thread   INTEGER NOT NULL,
	uidl     TEXT NOT NULL,
	unended  INTEGER NOT NULL, -- 1: the last line has no CRLF, and POP3 sends one
	expunged INTEGER NOT NULL DEFAULT 0, -- Unix seconds
	PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX messages_modseq ON messages (mailbox, modseq);
CREATE INDEX messages_key ON messages (key);
CREATE INDEX messages_expunged ON messages (expunged) WHERE expunged <> 0;
CREATE UNIQUE INDEX messages_uidl ON messages (mailbox, uidl) WHERE uidl <> '' AND expunged = 0;

CREATE TABLE tombstones (
	mailbox INTEGER NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
	first   INTEGER NOT NULL, -- UIDs first to last are expunged, and their rows gone
	last    INTEGER NOT NULL,
	modseq  INTEGER NOT NULL, -- the newest among their expunges
	at      INTEGER NOT NULL, -- Unix seconds
	PRIMARY KEY (mailbox, first)
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones_modseq ON tombstones (mailbox, modseq);
CREATE INDEX tombstones_at ON tombstones (at);

CREATE TABLE removals (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	dir    TEXT NOT NULL, -- the account's folder, '' for the spool
	folder TEXT NOT NULL, -- the mailbox's folder, where the file was last
	key    TEXT NOT NULL,
	size   INTEGER NOT NULL,
	at     INTEGER NOT NULL -- Unix seconds
) STRICT;
CREATE INDEX removals_at ON removals (at, id);
CREATE INDEX removals_key ON removals (key);
CREATE INDEX removals_place ON removals (dir, folder);

CREATE TABLE thread_ids (
	account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
	hash    INTEGER NOT NULL,
	subject INTEGER NOT NULL,
	thread  INTEGER NOT NULL,
	PRIMARY KEY (account, hash, subject)
) STRICT, WITHOUT ROWID;
`
