package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// docs/dependencies.md has a line for every module that this tree imports, and
// none for another.
func TestDependenciesAreThoseWeImport(t *testing.T) {
	page, err := os.ReadFile("../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(string(page), -1) {
		used[m[1]] = false
	}
	err = filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		for _, p := range foreignImports(t, path) {
			module := ""
			for m := range used {
				if p == m || strings.HasPrefix(p, m+"/") {
					module = m
				}
			}
			if module == "" {
				t.Errorf("%s imports %s, of which docs/dependencies.md says nothing", path, p)
			}
			used[module] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for module, is := range used {
		if !is {
			t.Errorf("docs/dependencies.md has %s, which nothing imports", module)
		}
	}
}

// foreignImports are those of a file that begin with a domain.
func foreignImports(t *testing.T, path string) (all []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range file.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if host, _, _ := strings.Cut(p, "/"); strings.Contains(host, ".") {
			all = append(all, p)
		}
	}
	return all
}
