package store

import "fmt"

// Space fails with ErrNoSpace while the disk has less than need octets free.
func (s *Store) Space(need int64) error {
	free, err := s.blobs.Space()
	if err == nil && free < need {
		err = fmt.Errorf("%d octets free, %d wanted: %w", free, need, ErrNoSpace)
	}
	return err
}
