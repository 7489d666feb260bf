package blank_test

import (
	"testing"

	"posthorn/store"
	"posthorn/store/blank"
	"posthorn/store/storetest"
)

// Two blank stores in one process are two: what is in one is not in the other.
func TestOpen(t *testing.T) {
	a, b := blank.Open(t, store.Options{}), blank.Open(t, store.Options{})
	if err := a.AddDomain(t.Context(), store.Domain{Name: "here.test", Admin: "alice@here.test"}); err != nil {
		t.Fatal(err)
	}
	for s, want := range map[*store.Store]int{a: 1, b: 0} {
		all, err := s.Domains(t.Context())
		if err != nil || len(all) != want {
			t.Errorf("%d domains, want %d (%v)", len(all), want, err)
		}
		storetest.Clean(t, s)
	}
}
