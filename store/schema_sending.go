package store

// sendingSchema counts to how many recipients an account has sent in an hour, as
// they are taken, beside what became of them.
const sendingSchema = `
ALTER TABLE sending ADD COLUMN accepted INTEGER NOT NULL DEFAULT 0;
`
