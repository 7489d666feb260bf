package store

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestKeptIsBounded(t *testing.T) {
	c := newKept[int](10, time.Minute, func(s string) int { return len(s) })
	for i := range 5 {
		c.putAt(c.state(), i, "four")
		c.get(0) // used again and again
	}
	for i, want := range []bool{true, false, false, false, true} {
		if _, ok := c.get(i); ok != want {
			t.Errorf("%d is there: %v", i, ok)
		}
	}
	c.putAt(c.state(), 9, "longer than all")
	if c.octets != 0 || len(c.byKey) != 0 {
		t.Errorf("%d octets of %d values are left", c.octets, len(c.byKey))
	}
}

// What was read before everything was let go may be what had to go.
func TestKeptStaysEmpty(t *testing.T) {
	c := newKept[int](10, time.Minute, func(s string) int { return len(s) })
	c.putAt(c.state(), 1, "a")
	before := c.state()
	c.empty()
	c.putAt(before, 2, "b")
	for i := range 3 {
		if s, ok := c.get(i); ok {
			t.Errorf("%d is %q", i, s)
		}
	}
	c.putAt(c.state(), 2, "c")
	if s, _ := c.get(2); s != "c" {
		t.Errorf("2 is %q afterwards", s)
	}
}

func TestKeptGoesWhenUnused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newKept[int](10, time.Minute, func(s string) int { return len(s) })
		c.putAt(c.state(), 1, "a")
		for range 3 {
			time.Sleep(40 * time.Second)
			if _, ok := c.get(1); !ok {
				t.Fatal("gone while it was used")
			}
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if _, ok := c.get(1); ok {
			t.Error("still there after two minutes")
		}
	})
}
