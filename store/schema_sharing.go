package store

// sharingSchema lets mailboxes be shared (RFC 4314).
//
// acl: who else may do what with a mailbox. account 0 is anyone; a negative
// entry takes rights away. The owner has all rights where there is no entry.
//
// mailboxes.acl counts the changes of a mailbox's entries; 0: there never was
// one, and only the owner has rights.
const sharingSchema = `
ALTER TABLE mailboxes ADD COLUMN acl INTEGER NOT NULL DEFAULT 0;

CREATE TABLE acl (
	mailbox  INTEGER NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
	account  INTEGER NOT NULL,
	negative INTEGER NOT NULL,
	rights   INTEGER NOT NULL,
	PRIMARY KEY (mailbox, account, negative)
) STRICT, WITHOUT ROWID;
CREATE INDEX acl_account ON acl (account, mailbox);
`

// reservedSchema gives mailboxes that have the name of the shared ones another:
// nobody could reach them.
const reservedSchema = `
UPDATE mailboxes SET name = 'Own ' || name
	WHERE (name = 'Shared' OR substr(name, 1, 7) = 'Shared/')
		AND NOT EXISTS (SELECT 1 FROM mailboxes o WHERE o.account = mailboxes.account AND o.name = 'Own ' || mailboxes.name);
`
