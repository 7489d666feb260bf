package store

// maildropsSchema: who has a maildrop open is in memory.
const maildropsSchema = `
DROP TABLE maildrop_leases;
`
