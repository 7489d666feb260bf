package store

// This file is the agreed face; every body is replaced by the store's author.

import "context"

// Digests gives message.Digest bytes (see package message) for msgs, from the derived file, computing and keeping those that
// are missing; nil where the content cannot be read.
func (m *Mailbox) Digests(ctx context.Context, msgs []Message) ([][]byte, error) { panic("skeleton") }

// ---- the queue's tables
