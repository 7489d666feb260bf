package store

// credentialsSchema holds what people may log in with beside the password of
// the account.
//
// scram: one salt and one iteration count for all keys of an account, because a
// server has to name them before it learns which password a client has (RFC
// 5802 §3). keys are auth's to read; those of the password itself are empty
// unless the operator wants them kept.
//
// app_passwords.protocols are words with spaces between, none for all. used is
// written minutes late.
//
// secrets are random and made when they are first asked for.
const credentialsSchema = `
CREATE TABLE scram (
	account    INTEGER PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
	salt       BLOB NOT NULL,
	iterations INTEGER NOT NULL,
	keys       BLOB NOT NULL
) STRICT;

CREATE TABLE app_passwords (
	account   INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
	name      TEXT NOT NULL,
	protocols TEXT NOT NULL,
	keys      BLOB NOT NULL,
	created   INTEGER NOT NULL,
	expires   INTEGER NOT NULL, -- Unix seconds, 0 for never
	used      INTEGER NOT NULL DEFAULT 0,
	used_from TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
	name  TEXT PRIMARY KEY,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
`
