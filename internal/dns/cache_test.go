package dns

import (
	"fmt"
	"testing"
	"time"
)

func TestCacheIsBounded(t *testing.T) {
	c := cache{answers: make(map[question]answer)}
	now := time.Unix(0, 0)
	for i := range 3 * maxAnswers {
		c.put(question{fmt.Sprint(i), 1}, answer{ttl: time.Hour}, now)
	}
	if n := len(c.answers); n > maxAnswers {
		t.Errorf("holds %d answers, limit %d", n, maxAnswers)
	}
	last := question{fmt.Sprint(3*maxAnswers - 1), 1}
	if _, ok := c.get(last, now); !ok {
		t.Error("the newest answer is not there")
	}
	if _, ok := c.get(last, now.Add(time.Hour)); ok {
		t.Error("an answer outlived its TTL")
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		`plain`: "plain", `a\"b`: `a"b`, `a\\b`: `a\b`, `\233x`: "\xe9x", `end\`: `end\`, `\12`: "12",
	} {
		if got := unescape(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
