package store

import (
	"errors"
	"fmt"
)

// Space fails with ErrNoSpace while the disk has less than need octets free, and
// the log is told when that begins and ends.
func (s *Store) Space(need int64) error {
	free, err := s.blobs.Space()
	if err == nil && free < need {
		err = fmt.Errorf("%d octets free, %d wanted: %w", free, need, ErrNoSpace)
	}
	s.troubles.outcome("disk space", err)
	return err
}

// kept notes whether content found room, so that the log is told of a disk that
// is full in a way that Space does not see.
func (s *Store) kept(err error) {
	if err == nil || errors.Is(err, ErrNoSpace) {
		s.troubles.outcome("room for mail", err)
	}
}
