package store_test

import (
	"testing"

	"posthorn/store"
)

// FuzzRights: rights that are taken read back from their letters, and from how
// they are told with at least as much; no letter is passed over.
func FuzzRights(f *testing.F) {
	for _, s := range []string{"", "lrswipkxtea", "lrswipcda", "cd", "ke", "lrz", "+l", "LR"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := store.ParseRights(s)
		if err != nil {
			if r != 0 {
				t.Errorf("%q is %v and refused", s, r)
			}
			return
		}
		if back, err := store.ParseRights(r.Letters()); err != nil || back != r {
			t.Errorf("%q is %v, whose letters are %v (%v)", s, r, back, err)
		}
		if back, err := store.ParseRights(r.String()); err != nil || !back.Has(r) {
			t.Errorf("%q is %v, told as %v (%v)", s, r, back, err)
		}
		if (s == "") != (r == 0) || r&^store.AllRights != 0 {
			t.Errorf("%q is %v", s, r)
		}
	})
}
