package auth

import (
	"strings"
	"testing"
)

func TestHash(t *testing.T) {
	h, err := Hash("secret")
	if err != nil || !strings.HasPrefix(h, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%s %v", h, err)
	}
	if again, _ := Hash("secret"); again == h {
		t.Error("two hashes share their salt")
	}
	for password, want := range map[string]bool{"secret": true, "Secret": false, "": false} {
		if same, err := match(h, password); same != want || err != nil {
			t.Errorf("%q: %v %v", password, same, err)
		}
	}
}

func TestParsePHCRefuses(t *testing.T) {
	for _, bad := range []string{
		"",
		"secret",
		"$2a$10$abcdefghijklmnopqrstuv",
		"$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA",
		"$argon2id$v=16$m=19456,t=2,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA",
		"$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA", // 95 GiB
		"$argon2id$v=19$m=19456,t=0,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA",
		"$argon2id$v=19$m=19456,t=2,p=0$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA",
		"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$",
		"$argon2id$v=19$m=19456,t=2,p=1$c2Fs*$c2FsdHNhbHRzYWx0c2FsdA",
	} {
		if _, err := parsePHC(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Hash("secret"); err != nil {
			b.Fatal(err)
		}
	}
}
