package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// maxVerified bounds the logins that are remembered.
const maxVerified = 20_000

// mac stands for a login, its stored hash and a password. Without the key,
// which lives as long as the process, it says nothing about any of them.
type mac [sha256.Size]byte

// cache remembers verified logins. A changed hash makes another mac, so a
// changed password is in force at once.
type cache struct {
	key  [32]byte
	life time.Duration

	mu    sync.Mutex // guards until
	until map[mac]time.Time
}

func newCache(life time.Duration) *cache {
	c := &cache{life: life, until: map[mac]time.Time{}}
	rand.Read(c.key[:]) // never fails (crypto/rand)
	return c
}

// mac of parts, each with its length, so that no two lists run together.
func (c *cache) mac(parts ...string) (m mac) {
	h := hmac.New(sha256.New, c.key[:])
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
	h.Sum(m[:0])
	return m
}

func (c *cache) has(m mac) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Before(c.until[m])
}

func (c *cache) add(m mac) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if len(c.until) >= maxVerified {
		for k, t := range c.until {
			if !now.Before(t) {
				delete(c.until, k)
			}
		}
	}
	if len(c.until) < maxVerified {
		c.until[m] = now.Add(c.life)
	}
}
