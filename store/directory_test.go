package store_test

import (
	"errors"
	"testing"

	"posthorn/store"
)

// S9: a domain that was not ours is one as soon as it has been added, and is none
// once it has been removed, however often it was asked about before.
func TestDomainsThatAreNotOurs(t *testing.T) {
	f := setUp(t)
	ask := func(name string, want error) {
		t.Helper()
		for range 2 {
			if d, err := f.Domain(t.Context(), name); !errors.Is(err, want) || err == nil && d.Name != "b.test" {
				t.Errorf("%s: %+v, %v, want %v", name, d, err, want)
			}
		}
	}
	ask("b.test", store.ErrNotFound)
	ok(t, f.AddDomain(t.Context(), store.Domain{Name: "b.test"}))
	ask("B.Test", nil)
	ask("c.test", store.ErrNotFound)
	ok(t, f.RemoveDomain(t.Context(), "b.test"))
	ask("b.test", store.ErrNotFound)
}

// Where there are more domains than are remembered, each is asked for by itself.
func TestMoreDomainsThanAreRemembered(t *testing.T) {
	f := setUp(t)
	ok(t, f.FillDomains(t.Context(), "d%d.test", store.MaxRemembered+1))
	if names, err := f.DomainNames(t.Context()); names != nil || err != nil {
		t.Errorf("%d names are remembered, %v", len(names), err)
	}
	if d, err := f.Domain(t.Context(), "d8000.test"); err != nil || d.Name != "d8000.test" {
		t.Errorf("one of many: %+v, %v", d, err)
	}
	if _, err := f.Domain(t.Context(), "other.test"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("none of many: %v", err)
	}
}
