package store

// ratesSchema counts what becomes of mail that accounts send, and which addresses
// fail again and again.
//
// sending: what was tried of an account's in one hour (since 1970), by recipient.
// failing: an address whose mail was refused for good since it was last taken;
// its row goes when it takes mail again. Times are Unix nanoseconds.
const ratesSchema = `
CREATE TABLE sending (
	login  TEXT NOT NULL,
	hour   INTEGER NOT NULL,
	tried  INTEGER NOT NULL,
	failed INTEGER NOT NULL,
	PRIMARY KEY (login, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX sending_hour ON sending (hour);

CREATE TABLE failing (
	address  TEXT PRIMARY KEY, -- key form
	failures INTEGER NOT NULL,
	first    INTEGER NOT NULL,
	last     INTEGER NOT NULL,
	status   TEXT NOT NULL,
	login    TEXT NOT NULL -- who wrote to it last
) STRICT, WITHOUT ROWID;
CREATE INDEX failing_last ON failing (last);
CREATE INDEX failing_failures ON failing (failures);
`
