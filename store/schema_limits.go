package store

// limitsSchema: an administrator may set limits over IMAP; limit_mailboxes is
// how many mailboxes an account may have, 0 for any number.
const limitsSchema = `
ALTER TABLE accounts ADD COLUMN admin INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN limit_mailboxes INTEGER NOT NULL DEFAULT 10000;
`
