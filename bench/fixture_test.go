package main

import (
	"bytes"
	"strings"
	"testing"
)

// A needle stands in as many bodies as it says, and the mail has the size that
// was asked for.
func TestNeedlesArePlanted(t *testing.T) {
	l := newLetters(1000, 2000)
	hits := make([]int, len(l.needles))
	octets := 0
	for i := range l.n {
		m := l.message(i)
		if !bytes.Equal(m, l.message(i)) {
			t.Fatalf("message %d is not the same twice", i)
		}
		octets += len(m)
		_, body, _ := strings.Cut(string(m), "\r\n\r\n")
		for k, nd := range l.needles {
			if strings.Contains(body, nd.text) {
				hits[k]++
			}
		}
	}
	for k, nd := range l.needles {
		if len(nd.text) >= 6 && hits[k] != nd.hits { // shorter ones may stand in base64, which nobody searches
			t.Errorf("%q stands in %d bodies, not in %d", nd.text, hits[k], nd.hits)
		}
	}
	if each := octets / l.n; each < 2000 || each > 4000 {
		t.Errorf("a message has %d octets", each)
	}
}
