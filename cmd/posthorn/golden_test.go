package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files anew")

// golden compares what people see with a file of testdata, once all that is
// another at each run has a name: queue ids, times, ports, TLS.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = settled(got)
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

var (
	idPattern     = regexp.MustCompile(`\b[0-9A-HJ-KM-NP-TV-Z]{13}\b`)
	timePattern   = regexp.MustCompile(`\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b`)
	restPattern   = regexp.MustCompile(`127\.0\.0\.1:\d+|\b\d+ octets|Written to \S+`)
	spacesPattern = regexp.MustCompile(`  +`)
	duePattern    = regexp.MustCompile(`(due|until) \d\d:\d\d:\d\d`)
	waitPattern   = regexp.MustCompile(`\bjust now\b|\b\d+ (minute|second)s?( \d+ seconds?)?`)
)

// settled keeps the width of columns: names are as long as what they stand for.
func settled(s string) string {
	ids := map[string]string{}
	s = idPattern.ReplaceAllStringFunc(s, func(id string) string {
		if ids[id] == "" {
			ids[id] = fmt.Sprintf("QUEUEID-%05d", len(ids)+1)
		}
		return ids[id]
	})
	s = timePattern.ReplaceAllString(s, "YYYY-MM-DD HH:MM:SS")
	s = waitPattern.ReplaceAllString(s, "SOME TIME")
	s = restPattern.ReplaceAllStringFunc(s, func(found string) string {
		switch found[0] {
		case '1':
			return "127.0.0.1:PORT"
		case 'W':
			return "Written to FILE"
		}
		return "N octets"
	})
	var lines []string
	for line := range strings.Lines(s) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.Join(lines, "\n") + "\n"
}
