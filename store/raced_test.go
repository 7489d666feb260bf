//go:build race

package store_test

// raced tells whether the race detector looks on.
const raced = true
