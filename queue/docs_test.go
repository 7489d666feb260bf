package queue_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/queue.md names the tests that prove its invariants: they exist, and no
// invariant is without one.
func TestInvariantsAreProved(t *testing.T) {
	doc, err := os.ReadFile("../docs/queue.md")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, pattern := range []string{"*_test.go", "../interop/*_test.go", "../store/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			code.Write(b)
		}
	}
	var rows strings.Builder
	for line := range strings.Lines(string(doc)) {
		if strings.HasPrefix(line, "| Q") {
			rows.WriteString(line)
		}
	}
	for _, name := range regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(rows.String(), -1) {
		if !strings.Contains(code.String(), "func "+name[1]+"(") {
			t.Errorf("there is no %s", name[1])
		}
	}
	invariants := regexp.MustCompile(`(?m)^- \*\*(Q[0-9]+)\*\*`).FindAllStringSubmatch(string(doc), -1)
	if len(invariants) < 17 {
		t.Errorf("only %d invariants were found", len(invariants))
	}
	for _, q := range invariants {
		if !regexp.MustCompile(`\b` + q[1] + `\b`).MatchString(rows.String()) {
			t.Errorf("%s names no test", q[1])
		}
	}
}
