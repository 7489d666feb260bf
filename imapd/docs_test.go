package imapd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// docs/imap.md has a row for each capability, in the order of the table, and
// the files and transcripts it names are there.
func TestDocsNameEveryCapability(t *testing.T) {
	text, err := os.ReadFile("../docs/imap.md")
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.ReplaceAll(line, "`", ""), "|")
		if len(cells) < 6 || strings.HasPrefix(cells[1], "-") || strings.TrimSpace(cells[1]) == "capability" {
			continue
		}
		words = append(words, list(cells[1])...)
		for _, file := range list(cells[3]) {
			mustExist(t, line, file, filepath.Join("..", file))
		}
		for _, script := range list(cells[4]) {
			mustExist(t, line, filepath.Join("testdata", script+".txtar"), script, filepath.Join("..", script))
		}
	}
	for _, x := range extensions {
		name := string(x.capability)
		if len(words) == 0 || !strings.HasPrefix(words[0], name) || words[0] != name && !strings.HasSuffix(name, "=") {
			t.Fatalf("docs/imap.md should have a row for %s here; the next are %q", name, words[:min(3, len(words))])
		}
		words = words[1:]
		for strings.HasSuffix(name, "=") && len(words) > 0 && strings.HasPrefix(words[0], name) {
			words = words[1:]
		}
	}
	if len(words) > 0 {
		t.Errorf("docs/imap.md has rows for what is not in the table: %q", words)
	}
}

func list(cell string) (items []string) {
	for item := range strings.SplitSeq(cell, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// mustExist holds that one of the places is there.
func mustExist(t *testing.T, line string, places ...string) {
	t.Helper()
	for _, p := range places {
		if _, err := os.Stat(p); err == nil {
			return
		}
	}
	t.Errorf("none of %q is there: %s", places, strings.TrimSpace(line))
}
