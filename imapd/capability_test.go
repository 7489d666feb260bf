package imapd

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// testdata/capabilities has what CAPABILITY says, in its order, a capability a
// line: behind - those before the login alone, behind + those after it alone,
// behind = those of both. The peer is one without TLS whom a password is asked
// of.
func TestCapabilities(t *testing.T) {
	text, err := os.ReadFile("testdata/capabilities")
	if err != nil {
		t.Fatal(err)
	}
	var before, after []string
	for line := range strings.Lines(string(text)) {
		when, name, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || when != "-" && when != "+" && when != "=" {
			t.Fatalf("%q is no line of testdata/capabilities", line)
		}
		if when != "+" {
			before = append(before, name)
		}
		if when != "-" {
			after = append(after, name)
		}
	}
	w := newWorld(t, tweaks{AppendLimit: 5000})
	cl := &client{t: t, name: "client", c: w.dial("")}
	cl.greeting()
	says := func(when string, want []string) {
		t.Helper()
		untagged, said := cl.ask("CAPABILITY")
		if len(untagged) != 1 || !strings.HasPrefix(said, "OK ") {
			t.Fatalf("%q, %s", untagged, said)
		}
		if got := strings.Fields(strings.TrimPrefix(untagged[0], "* CAPABILITY ")); !slices.Equal(got, want) {
			t.Errorf("%s the login it says\n%q\ninstead of\n%q", when, got, want)
		}
	}
	says("before", before)
	cl.do("LOGIN alice secret")
	says("after", after)
}
