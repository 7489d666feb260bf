package store

// listingSchema is for people who look at a large queue: what waits for one
// destination, and how much for each.
const listingSchema = `
CREATE INDEX deliveries_destination ON deliveries (destination) WHERE state = 'waiting';
`
