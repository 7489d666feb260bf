package auth

import (
	"testing"

	"posthorn/mail"
	"posthorn/store"
)

func TestOwns(t *testing.T) {
	a, f, _ := newFake(t)
	alice := Identity{Account: 1, Login: "alice@a.test"}
	for _, c := range []struct {
		address string
		want    bool
	}{
		{"alice@a.test", true},
		{"Alice@A.TEST", true},
		{"alice+list@a.test", true},
		{"alice@b.test", true},      // domain alias
		{"alice+x@b.test", true},    // both
		{"team@a.test", true},       // alias
		{"sales+1@b.test", true},    // alias of alias, among others
		{"postmaster@a.test", true}, // is the admin
		{"abuse@b.test", true},
		{"bob@a.test", false},
		{"bob+x@a.test", false},
		{"anything@a.test", false}, // goes to bob, the catch-all
		{"ring@a.test", false},
		{"alice@far.test", false},
		{"", false},
		{"postmaster", false},
	} {
		p, err := mail.ParsePath(c.address)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := a.Owns(t.Context(), alice, p); got != c.want || err != nil {
			t.Errorf("%s: %v %v", c.address, got, err)
		}
	}
	if got, err := a.Owns(t.Context(), Identity{Account: 2, Login: "bob@a.test"}, mail.Path{Local: "anything", Domain: "a.test"}); !got || err != nil {
		t.Errorf("the catch-all: %v %v", got, err)
	}
	f.err = store.ErrCorrupt
	f.domains = nil
	if ok, _ := a.Owns(t.Context(), alice, mail.Path{Local: "alice", Domain: "a.test"}); ok {
		t.Error("owned although the store fails")
	}
}
