package imapd

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"posthorn/store"
)

// docs/imap.md tells the limits that a client can come upon, as they are.
func TestDocsTellTheLimits(t *testing.T) {
	text, err := os.ReadFile("../docs/imap.md")
	if err != nil {
		t.Fatal(err)
	}
	limits := []struct {
		of   string // what the row begins with, behind the number
		want int
	}{
		{"messages of an APPEND", maxAppends},
		{"parts of CATENATE", maxParts},
		{"items of FETCH", maxFetchItems},
		{"keys of a search program", maxKeys},
		{"entries that a GETMETADATA names", maxEntries},
		{"fields of ID", maxIDFields},
		{"octets of a keyword", maxKeyword},
		{"results of a session", maxContexts},
		{"messages in all of these", maxContextHits},
		{"mailboxes that NOTIFY watches", notifyBoxes},
		{"octets of a METADATA value", store.MaxAnnotation},
		{"entries of METADATA", store.MaxAnnotations},
		{"entries of an ACL", store.MaxGrants},
		{"commands that fail before a login", strangerFault},
		{"octets of a command line", memberLimits(0).Line},
		{"octets of a literal", int(memberLimits(0).Literal)},
	}
	_, table, _ := strings.Cut(string(text), "| limit | of what | beyond it |\n|---|---|---|\n")
	for row := range strings.Lines(table) {
		cells := strings.Split(row, " | ")
		if len(cells) < 3 {
			continue
		}
		if len(limits) == 0 {
			t.Fatalf("no test holds %s", row)
		}
		l := limits[0]
		limits = limits[1:]
		if n, err := strconv.Atoi(strings.ReplaceAll(strings.TrimPrefix(cells[0], "| "), ",", "")); err != nil || n != l.want || !strings.HasPrefix(cells[1], l.of) {
			t.Errorf("%s should be %s: %d", strings.TrimSpace(row), l.of, l.want)
		}
	}
	if len(limits) > 0 {
		t.Errorf("docs/imap.md has no rows for %v", limits)
	}
}
