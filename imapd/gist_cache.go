package imapd

import (
	"sync"
	"time"

	"posthorn/store"
)

// gistCache keeps the gists of mailboxes for lingerTime after they were used.
type gistCache struct {
	mu    sync.Mutex // guards what follows
	boxes map[store.MailboxID]*keptGists
	timer *time.Timer
}

type keptGists struct {
	*gists
	uses   int // at present
	used   time.Time
	octets int // when it was last given back
}

// take gives a mailbox's gists to one more command, which puts them back.
func (c *gistCache) take(id store.MailboxID) *keptGists {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.boxes[id]
	if k == nil {
		k = &keptGists{gists: &gists{}}
		if c.boxes == nil {
			c.boxes = map[store.MailboxID]*keptGists{}
		}
		c.boxes[id] = k
	}
	k.uses++
	return k
}

// put takes them back.
func (c *gistCache) put(k *keptGists) {
	k.gists.mu.Lock()
	octets := k.gists.octets
	k.gists.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	k.uses--
	k.used, k.octets = time.Now(), octets
	for c.octets() > maxGistOctets && c.dropOldest() {
	}
	if c.timer == nil && len(c.boxes) > 0 {
		c.timer = time.AfterFunc(lingerTime, c.expire)
	}
}

func (c *gistCache) octets() (sum int) {
	for _, k := range c.boxes {
		sum += k.octets
	}
	return sum
}

// dropOldest is false when all that is left is in use.
func (c *gistCache) dropOldest() bool {
	var oldest store.MailboxID
	for id, k := range c.boxes {
		if k.uses == 0 && (oldest == 0 || k.used.Before(c.boxes[oldest].used)) {
			oldest = id
		}
	}
	delete(c.boxes, oldest)
	return oldest != 0
}

// expire drops what was not used for lingerTime, and comes back as long as
// there is something.
func (c *gistCache) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, k := range c.boxes {
		if k.uses == 0 && time.Since(k.used) >= lingerTime {
			delete(c.boxes, id)
		}
	}
	c.timer = nil
	if len(c.boxes) > 0 {
		c.timer = time.AfterFunc(lingerTime/4, c.expire)
	}
}
