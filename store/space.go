package store

import "fmt"

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
