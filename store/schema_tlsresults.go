package store

// tlsResultsSchema counts the sessions with other domains' servers, by day and
// policy, for the reports of RFC 8460. Days are those of UTC since 1970-01-01;
// text is the policy as published, and kind its type (§4.2).
const tlsResultsSchema = `
CREATE TABLE tls_policies (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	day       INTEGER NOT NULL,
	domain    TEXT NOT NULL,
	kind      TEXT NOT NULL,
	text      TEXT NOT NULL,
	successes INTEGER NOT NULL,
	reported  INTEGER NOT NULL DEFAULT 0, -- 1: its day's report has been dealt with
	UNIQUE (day, domain, kind, text)
) STRICT;

CREATE TABLE tls_failures (
	policy   INTEGER NOT NULL REFERENCES tls_policies (id) ON DELETE CASCADE,
	result   TEXT NOT NULL, -- RFC 8460 §4.3
	mta      TEXT NOT NULL,
	address  TEXT NOT NULL,
	ours     TEXT NOT NULL, -- our address
	reason   TEXT NOT NULL,
	sessions INTEGER NOT NULL,
	PRIMARY KEY (policy, result, mta, address, ours, reason)
) STRICT, WITHOUT ROWID;
`
