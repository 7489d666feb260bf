package store

import (
	"slices"
	"testing"

	"posthorn/mail"
)

func TestAddressNext(t *testing.T) {
	domain := Domain{Name: "a.test", Admin: "admin@a.test", CatchAll: "all@a.test"}
	path := func(local string) mail.Path { return mail.Path{Local: local, Domain: "a.test"} }
	alias, account := []mail.Path{path("x"), path("y")}, &Account{ID: 1}
	tests := []struct {
		name  string
		local string
		a     Address
		want  []mail.Path
	}{
		{"an alias", "team", Address{Domain: domain, Targets: alias}, alias},
		{"an alias beside an account", "team", Address{Domain: domain, Targets: alias, Account: account}, alias},
		{"an account", "bob", Address{Domain: domain, Account: account}, nil},
		{"an account with a plus in its name", "bob+x", Address{Domain: domain, Account: account}, nil},
		{"detail", "bob+x+y", Address{Domain: domain}, []mail.Path{path("bob")}},
		{"no name before the detail", "+x", Address{Domain: domain}, []mail.Path{path("all")}},
		{"postmaster", "PostMaster", Address{Domain: domain}, []mail.Path{path("admin")}},
		{"abuse", "abuse", Address{Domain: domain}, []mail.Path{path("admin")}},
		{"postmaster of its own", "postmaster", Address{Domain: domain, Account: account}, nil},
		{"nobody, and somebody takes all", "eve", Address{Domain: domain}, []mail.Path{path("all")}},
		{"nobody", "eve", Address{Domain: Domain{Name: "a.test", Admin: "admin@a.test"}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.a.Next(path(tt.local)); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
