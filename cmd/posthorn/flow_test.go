package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// docs/flow.md is corrected with the code: what it calls package.Name is
// declared in that package.
func TestFlowNamesWhatExists(t *testing.T) {
	text, err := os.ReadFile("../../docs/flow.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`([a-z0-9]+)\\.([A-Z][A-Za-z]+)`").FindAllSubmatch(text, -1)
	if len(names) < 10 {
		t.Fatalf("only %d names found", len(names))
	}
	for _, n := range names {
		if !declares(t, string(n[1]), string(n[2])) {
			t.Errorf("%s is not in its package", n[0])
		}
	}
}

func declares(t *testing.T, pkg, name string) bool {
	declaration := regexp.MustCompile(`(?m)^(func (\(.*\) )?|type )` + name + `\b`)
	for _, dir := range []string{pkg, "internal/" + pkg} {
		files, err := filepath.Glob("../../" + dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if text, err := os.ReadFile(f); err == nil && declaration.Match(text) {
				return true
			}
		}
	}
	return false
}
