package store

// backupSchema: domains whose mail is kept for another host, and which of that
// host's recipients it has taken; keep is in seconds, at in Unix seconds.
const backupSchema = `
ALTER TABLE domains ADD COLUMN backup INTEGER NOT NULL DEFAULT 0;
ALTER TABLE domains ADD COLUMN primary_host TEXT NOT NULL DEFAULT '';
ALTER TABLE domains ADD COLUMN keep INTEGER NOT NULL DEFAULT 0;

CREATE TABLE backup_recipients (
	address TEXT PRIMARY KEY,
	at      INTEGER NOT NULL -- when its host last said that it takes mail for it
) STRICT, WITHOUT ROWID;
CREATE INDEX backup_recipients_at ON backup_recipients (at);
`
