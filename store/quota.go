package store

import (
	"context"
	"fmt"
	"sync"

	"posthorn/internal/db"
)

// unknownSize is what is held for a message whose size was not announced.
// Where that much does not fit, the message is the account's overdraft.
const unknownSize = 32 << 20

// reservations are promises given at RCPT: a 250 there binds, so a mailbox must
// not turn out to be full after DATA. They live in memory, because the session
// that was promised room does not survive the process either.
type reservations struct {
	mu   sync.Mutex
	held map[AccountID]*reserved
}

// reserved is what one account has promised.
type reserved struct {
	Quota
	overdraft bool // one message of unknown size may go over the limit
}

// promise is one Reserve.
type promise struct {
	of        *reservations
	account   AccountID
	bytes     int64
	overdraft bool
	unknown   bool
	before    reserved // what others held when this was made
}

// Reserve holds room for one message of size octets, 0 when that is unknown,
// until release; ErrOverQuota when there is none. A message of unknown size
// that may not fit is taken as an overdraft, one at a time, while the account
// is below its limit. release may be called more than once; call it after the
// commit, which charges the account itself.
//
// The promise is entered before the account's use is read: a commit of another
// session then counts in the use, in the promises, or for a moment in both, but
// never in neither.
func (s *Store) Reserve(ctx context.Context, id AccountID, size int64) (release func(), err error) {
	p := s.reserved.enter(id, size)
	release = sync.OnceFunc(p.end)
	limit, err := s.directory.limits.get(ctx, s.db, id)
	if err == nil && limit == (Quota{}) {
		return release, nil // there is always room
	}
	var a Account
	if err == nil {
		err = s.db.View(ctx, func(tx *db.Tx) (err error) {
			a, err = readAccount(tx, id)
			return err
		})
	}
	if err == nil && !p.holds(a.Limit, a.Used) {
		err = fmt.Errorf("account %s: %w", a.Login, ErrOverQuota)
	}
	if err != nil {
		release()
		return nil, fail("reserve room", err)
	}
	return release, nil
}

func (r *reservations) enter(id AccountID, size int64) *promise {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		r.held = make(map[AccountID]*reserved)
	}
	h := r.held[id]
	if h == nil {
		h = new(reserved)
		r.held[id] = h
	}
	p := &promise{of: r, account: id, bytes: size, unknown: size == 0, before: *h}
	if p.unknown {
		p.bytes = unknownSize
	}
	h.Messages++
	h.Bytes += p.bytes
	return p
}

// holds judges the promise by the account's limit and use, and turns it into
// the overdraft where that is allowed.
func (p *promise) holds(limit, used Quota) bool {
	if limit.Messages > 0 && used.Messages+p.before.Messages+1 > limit.Messages {
		return false
	}
	taken := used.Bytes + p.before.Bytes
	if limit.Bytes == 0 || taken+p.bytes <= limit.Bytes {
		return true
	}
	if !p.unknown || taken >= limit.Bytes {
		return false
	}
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	h := p.of.held[p.account]
	if h.overdraft {
		return false
	}
	h.Bytes -= p.bytes
	p.bytes, p.overdraft, h.overdraft = 0, true, true
	return true
}

func (p *promise) end() {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	h := p.of.held[p.account]
	h.Messages--
	h.Bytes -= p.bytes
	if p.overdraft {
		h.overdraft = false
	}
	if h.Messages == 0 {
		delete(p.of.held, p.account)
	}
}
