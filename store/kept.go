package store

import (
	"container/list"
	"sync"
	"time"
)

// kept remembers what was read lately, up to a size, and lets everything go
// when nobody has asked for a while.
type kept[K comparable, V any] struct {
	limit int           // octets of all together
	idle  time.Duration // after which all goes
	size  func(V) int   // octets of one

	mu      sync.Mutex // guards what follows
	byKey   map[K]*list.Element
	recent  list.List // of *keptOne[K, V], the one used last in front
	octets  int
	used    time.Time
	timer   *time.Timer
	emptied int // how often
}

type keptOne[K comparable, V any] struct {
	key   K
	value V
}

func newKept[K comparable, V any](limit int, idle time.Duration, size func(V) int) *kept[K, V] {
	return &kept[K, V]{limit: limit, idle: idle, size: size, byKey: map[K]*list.Element{}}
}

func (c *kept[K, V]) get(key K) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byKey[key]
	if e == nil {
		return v, false
	}
	c.used = time.Now()
	c.recent.MoveToFront(e)
	return e.Value.(*keptOne[K, V]).value, true
}

// state is for putAt.
func (c *kept[K, V]) state() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.emptied
}

// putAt keeps what was read since state, unless all was emptied since then: it
// may be what was to go.
func (c *kept[K, V]) putAt(state int, key K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state != c.emptied || c.byKey[key] != nil {
		return
	}
	c.byKey[key] = c.recent.PushFront(&keptOne[K, V]{key, v})
	for c.octets += c.size(v); c.octets > c.limit; {
		old := c.recent.Remove(c.recent.Back()).(*keptOne[K, V])
		delete(c.byKey, old.key)
		c.octets -= c.size(old.value)
	}
	c.used = time.Now()
	if c.timer == nil {
		c.timer = time.AfterFunc(c.idle, c.expire)
	}
}

// drop lets one go.
func (c *kept[K, V]) drop(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[key]; e != nil {
		delete(c.byKey, key)
		c.octets -= c.size(c.recent.Remove(e).(*keptOne[K, V]).value)
	}
}

// expire lets everything go when nobody has asked for so long.
func (c *kept[K, V]) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if left := c.idle - time.Since(c.used); left > 0 && c.timer != nil {
		c.timer.Reset(left)
		return
	}
	c.clear()
}

// clear is called with mu held.
func (c *kept[K, V]) clear() {
	c.byKey, c.octets, c.timer = map[K]*list.Element{}, 0, nil
	c.recent.Init()
}

// empty lets everything go now: at the end, and when something was purged.
func (c *kept[K, V]) empty() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	c.emptied++
	c.clear()
}
