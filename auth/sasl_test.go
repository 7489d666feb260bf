package auth

import (
	"errors"
	"slices"
	"testing"
)

func TestMechanisms(t *testing.T) {
	a, _, _ := newFake(t)
	if m := a.Mechanisms(home); !slices.Equal(m, []string{"PLAIN", "LOGIN"}) {
		t.Errorf("%v", m)
	}
	bare := home
	bare.TLS = false
	if m := a.Mechanisms(bare); len(m) != 0 {
		t.Errorf("without TLS: %v", m)
	}
	trusted := bare
	trusted.Trusted = true
	if m := a.Mechanisms(trusted); !slices.Equal(m, []string{"PLAIN", "LOGIN"}) {
		t.Errorf("trusted: %v", m)
	}
	for mech, p := range map[string]Peer{"PLAIN": bare, "CRAM-MD5": home, "": home} {
		if _, err := a.Server(t.Context(), mech, p, nil); !errors.Is(err, ErrMechanism) {
			t.Errorf("%s: %v", mech, err)
		}
	}
}

func TestServer(t *testing.T) {
	const pass = "Grüße alice@a.test"
	for _, c := range []struct {
		what, mech string
		say        []string // "-" stands for no initial response
		hear       []string
		want       error
	}{
		{"PLAIN at once", "PLAIN", []string{"\x00alice@a.test\x00" + pass}, nil, nil},
		{"PLAIN asked", "PLAIN", []string{"-", "\x00alice@a.test\x00" + pass}, []string{""}, nil},
		{"PLAIN as oneself", "PLAIN", []string{"ALICE@a.test\x00alice@a.test\x00" + pass}, nil, nil},
		{"PLAIN as another", "PLAIN", []string{"bob@a.test\x00alice@a.test\x00" + pass}, nil, ErrCredentials},
		{"PLAIN wrong", "PLAIN", []string{"\x00alice@a.test\x00no"}, nil, ErrCredentials},
		{"PLAIN malformed", "PLAIN", []string{"alice@a.test"}, nil, ErrSyntax},
		{"LOGIN", "LOGIN", []string{"-", "alice@a.test", pass}, []string{"Username:", "Password:"}, nil},
		{"LOGIN with the name at once", "LOGIN", []string{"alice@a.test", pass}, []string{"Password:"}, nil},
		{"LOGIN wrong", "LOGIN", []string{"alice@a.test", "no"}, []string{"Password:"}, ErrCredentials},
		{"LOGIN goes on", "LOGIN", []string{"alice@a.test", "no", "no"}, []string{"Password:", ""}, ErrSyntax},
	} {
		t.Run(c.what, func(t *testing.T) {
			a, _, _ := newFake(t)
			var got Identity
			s, err := a.Server(t.Context(), c.mech, home, func(id Identity) { got = id })
			if err != nil {
				t.Fatal(err)
			}
			var done bool
			for i, text := range c.say {
				var response, challenge []byte
				if text != "-" {
					response = []byte(text)
				}
				challenge, done, err = s.Next(response)
				if i < len(c.say)-1 && (done || string(challenge) != c.hear[i]) {
					t.Errorf("after %q: %q %v %v", text, challenge, done, err)
				}
			}
			if !errors.Is(err, c.want) || (err == nil) != (done && got.Account == 1) {
				t.Errorf("got %v %v %v", got, done, err)
			}
		})
	}
}
