package store

// reportsSchema is what reports need: the language and the time zone in which a
// person is written to, ” for none chosen, and when a delivery was first tried.
const reportsSchema = `
ALTER TABLE accounts ADD COLUMN language TEXT NOT NULL DEFAULT ''; -- BCP 47
ALTER TABLE accounts ADD COLUMN zone TEXT NOT NULL DEFAULT '';     -- of the IANA database
ALTER TABLE deliveries ADD COLUMN tried INTEGER NOT NULL DEFAULT 0;
`
