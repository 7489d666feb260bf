package store

import (
	"container/list"
	"sync"
	"time"

	"posthorn/internal/db"
	"posthorn/internal/lexicon"
)

// A search looks through the words of every segment of a mailbox. Those that
// were looked through lately are kept: reading them page by page takes ten times
// as long as the search itself. Their size is bounded for the whole store, and
// when nobody has searched for a while all go.
const (
	keptWords    = 64 << 20
	keptWordsFor = 5 * time.Minute
)

// readText is a segment that was read: without its postings.
type readText struct {
	id    int64
	seg   *lexicon.Segment
	words []byte
}

func (t *readText) size() int { return len(t.words) + 8*len(t.seg.Documents()) + 256 }

// textCache has segments by id, which none gets a second time.
type textCache struct {
	mu     sync.Mutex // guards what follows
	byID   map[int64]*list.Element
	recent list.List // of *readText, the one used last in front
	octets int
	used   time.Time
	timer  *time.Timer
}

func (c *textCache) get(id int64) *readText {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byID[id]
	if e == nil {
		return nil
	}
	c.used = time.Now()
	c.recent.MoveToFront(e)
	return e.Value.(*readText)
}

func (c *textCache) put(t *readText) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID[t.id] != nil {
		return
	}
	if c.byID == nil {
		c.byID = map[int64]*list.Element{}
	}
	c.byID[t.id] = c.recent.PushFront(t)
	for c.octets += t.size(); c.octets > keptWords; {
		old := c.recent.Remove(c.recent.Back()).(*readText)
		delete(c.byID, old.id)
		c.octets -= old.size()
	}
	c.used = time.Now()
	if c.timer == nil {
		c.timer = time.AfterFunc(keptWordsFor, c.expire)
	}
}

// expire lets everything go when nobody has searched for keptWordsFor.
func (c *textCache) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if left := keptWordsFor - time.Since(c.used); left > 0 {
		c.timer.Reset(left)
		return
	}
	c.clear()
}

// clear lets everything go. c.mu is held.
func (c *textCache) clear() {
	c.byID, c.octets, c.timer = nil, 0, nil
	c.recent.Init()
}

// empty lets everything go now: at the end, and when words were purged.
func (c *textCache) empty() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	c.clear()
}

// readText gives a segment, verified; nil when it has been merged away.
func (s *Store) readText(tx *db.Tx, id int64) (*readText, error) {
	if t := s.texts.get(id); t != nil {
		return t, nil
	}
	head, err := readChunks(tx, id, textHead, 0, -1)
	if err != nil {
		return nil, err
	}
	if head == nil {
		return nil, stillThere(tx, id)
	}
	t := &readText{id: id}
	if t.seg, err = lexicon.Open(head); err != nil {
		return nil, err
	}
	if t.words, err = readChunks(tx, id, textWords, 0, t.seg.WordsSize()); err == nil {
		err = t.seg.VerifyWords(t.words)
	}
	if err != nil {
		return nil, err
	}
	s.texts.put(t)
	return t, nil
}
