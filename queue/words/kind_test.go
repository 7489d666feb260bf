package words

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

var parameter = regexp.MustCompile(`\{([^}]*)\}`)

// The English catalogue keeps the rules at its top.
func TestEnglish(t *testing.T) {
	data, err := os.ReadFile("en.toml")
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Kind map[Kind]Words `toml:"kind"`
	}
	if err := toml.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Kind) < 50 {
		t.Errorf("%d kinds", len(c.Kind))
	}
	for k, w := range c.Kind {
		if n := len(w.What); n < 1 || n > 2 {
			t.Errorf("%s: %d sentences say what happened", k, n)
		}
		if n := len(w.Steps); n < 1 || n > 3 {
			t.Errorf("%s: %d steps", k, n)
		}
		for _, s := range slices.Concat(w.What[:1], w.Steps[:1]) {
			if parameter.MatchString(s) {
				t.Errorf("%s: would leave nothing when its parameter is not known: %q", k, s)
			}
		}
		for _, s := range slices.Concat(w.What, w.Steps, w.Admin) {
			for _, m := range parameter.FindAllStringSubmatch(s, -1) {
				if !slices.Contains(parameters, m[1]) {
					t.Errorf("%s: no parameter is called %q", k, m[1])
				}
			}
			if s == "" {
				t.Errorf("%s: a sentence that says nothing", k)
			}
		}
	}
}
