package store

import (
	"errors"
	"testing"

	"posthorn/internal/lexicon"
)

// What panics over a segment is damage of the index: nobody but the search would
// contain it.
func TestFindTextSurvivesAPanic(t *testing.T) {
	f := finding{} // without a mailbox every segment panics
	if err := f.survive(t.Context(), 1); !errors.Is(err, lexicon.ErrDamaged) {
		t.Errorf("err = %v; want ErrDamaged", err)
	}
}
