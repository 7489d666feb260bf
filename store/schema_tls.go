package store

// tlsSchema holds what is known about the encryption of other domains. Times are
// Unix seconds.
//
// sts_policies: text is the policy as its web server gave it (RFC 8461 §3.2),
// which counts until expires; refresh is when it is to be fetched anew, used when
// mail last went by it.
const tlsSchema = `
CREATE TABLE sts_policies (
	domain  TEXT PRIMARY KEY,
	id      TEXT NOT NULL,
	text    TEXT NOT NULL,
	fetched INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	refresh INTEGER NOT NULL,
	used    INTEGER NOT NULL
) STRICT;
CREATE INDEX sts_policies_expires ON sts_policies (expires);
CREATE INDEX sts_policies_refresh ON sts_policies (refresh);
`
