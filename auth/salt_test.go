package auth

import (
	"context"
	"errors"
	"strings"
	"testing"

	"posthorn/store"
)

// fullDisk makes no secret any more.
type fullDisk struct {
	*fake
	full bool
}

func (d *fullDisk) Secret(ctx context.Context, name string) ([]byte, error) {
	if d.full {
		return nil, store.ErrNoSpace
	}
	return d.fake.Secret(ctx, name)
}

// The first login after a start writes nothing: what it needs was made before.
func TestFirstLoginOnAFullDisk(t *testing.T) {
	login := func(a *Auth) error {
		_, err := a.Plain(t.Context(), home, "alice@a.test", "Grüße alice@a.test")
		return err
	}
	a, f, log := newFake(t)
	d := &fullDisk{fake: f}
	a.dir = d
	if err := a.Settle(t.Context()); err != nil || log.Len() != 0 {
		t.Fatalf("%v, %s", err, log)
	}
	d.full = true
	if err := login(a); err != nil {
		t.Errorf("%v", err)
	}

	// A disk that was full at the start already stops no start, and is no wrong
	// password.
	a, f, log = newFake(t)
	d = &fullDisk{f, true}
	a.dir = d
	if err := a.Settle(t.Context()); err != nil || !strings.Contains(log.String(), "no salt can be made yet") {
		t.Errorf("%v, %s", err, log)
	}
	if err := login(a); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("%v", err)
	}
	d.full = false
	if err := login(a); err != nil {
		t.Errorf("%v", err)
	}
}
