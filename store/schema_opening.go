package store

// openingSchema: opening is a number that each Open gives the database and the
// derived file alike (derived.go). The table has one row at most.
const openingSchema = `
CREATE TABLE opening (
	one    INTEGER PRIMARY KEY CHECK (one = 1),
	number INTEGER NOT NULL
) STRICT;
`
