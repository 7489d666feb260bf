package store

// directorySchema holds who has mail here: domains, their keys, accounts and
// aliases. Addresses stand in the form of mail.Path.Key unless said otherwise;
// times are Unix seconds.
//
// accounts.login is null from the moment an account is removed until purge has
// taken away its mail; modseq and uidvalidity are the account's counters of
// RFC 7162 and RFC 9051 §2.3.1.1, raised by UPDATE .. RETURNING in the
// transaction that uses the number.
const directorySchema = `
CREATE TABLE domains (
	name      TEXT PRIMARY KEY,
	alias_of  TEXT REFERENCES domains (name),
	admin     TEXT NOT NULL,
	catch_all TEXT NOT NULL,
	created   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dkim_keys (
	domain    TEXT NOT NULL REFERENCES domains (name) ON DELETE CASCADE,
	selector  TEXT NOT NULL,
	algorithm TEXT NOT NULL,
	private   BLOB NOT NULL,
	created   INTEGER NOT NULL,
	PRIMARY KEY (domain, selector)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
	id             INTEGER PRIMARY KEY AUTOINCREMENT,
	login          TEXT UNIQUE,
	dir            TEXT NOT NULL UNIQUE,
	domain         TEXT NOT NULL,
	password       TEXT NOT NULL,
	enabled        INTEGER NOT NULL,
	limit_bytes    INTEGER NOT NULL,
	limit_messages INTEGER NOT NULL,
	used_bytes     INTEGER NOT NULL DEFAULT 0,
	used_messages  INTEGER NOT NULL DEFAULT 0,
	modseq         INTEGER NOT NULL DEFAULT 1,
	email          INTEGER NOT NULL DEFAULT 0, -- the newest EMAILID
	uidvalidity    INTEGER NOT NULL,
	created        INTEGER NOT NULL
) STRICT;
CREATE INDEX accounts_domain ON accounts (domain);

CREATE TABLE aliases (
	address  TEXT NOT NULL,
	position INTEGER NOT NULL,
	target   TEXT NOT NULL, -- as written: another host's local parts are its own
	domain   TEXT NOT NULL REFERENCES domains (name),
	PRIMARY KEY (address, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_domain ON aliases (domain, address);

CREATE TABLE maildrop_leases (
	account INTEGER PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
	owner   TEXT NOT NULL,
	expires INTEGER NOT NULL
) STRICT;
`
