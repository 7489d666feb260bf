package store

import (
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

// readText gives a segment, verified; nil when it has been merged away.
func (s *Store) readText(tx *db.Tx, id int64) (*readText, error) {
	if t, ok := s.texts.get(id); ok {
		return t, nil
	}
	state := s.texts.state()
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
	s.texts.putAt(state, id, t)
	return t, nil
}
