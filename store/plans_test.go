package store_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"posthorn/store"
)

// scans are the statements that may read a large table from its beginning, by how
// they begin, with the table and why that is all right.
var scans = []struct{ query, table, because string }{
	{"SELECT account, name, folder, mirrored < modseq FROM mailboxes WHERE name IS NOT NULL AND", "mailboxes", "once behind a start, and SQLite passes over what is not late"},
	{"SELECT m.id, a.dir, m.folder FROM mailboxes m JOIN accounts", "mailboxes", "a partial index of those that are deleted"},
	{"SELECT id, key, length(content),", "unfiled", "at a start, and it is bounded (unfiledLimit)"},
	{"SELECT count(*) FROM failing", "failing", "it is bounded (maxFailing)"},
	{"DELETE FROM failing WHERE address IN (SELECT address FROM failing ORDER BY last LIMIT", "failing", "the first of an index"},
	{"SELECT mailbox FROM text_gone LIMIT 1", "text_gone", "the first there is"},
	{"SELECT address, target FROM aliases WHERE ?1 = ''", "aliases", "behind changes of the directory, for its note"},
	{"SELECT count(*) FROM", "unfiled", "these tests"},
	{"SELECT count(*) FROM", "removals", "these tests"},
	{"SELECT coalesce(sum(docs), 0) FROM text_segments", "text_segments", "posthorn reindex --search"},
	{"DELETE FROM marks WHERE name = ?", "marks", "posthorn reindex --search"},
	{"SELECT destination, count(*), min(id) FROM deliveries", "deliveries", "posthorn queue, with numbers for each destination"},
	{"SELECT format('row %s of %s", "pragma_foreign_key_check", check},
	{"SELECT a.login, m.name FROM mailboxes m", "mailboxes", check},
	{"SELECT m.id, a.login, m.name FROM mailboxes m", "mailboxes", check},
	{"SELECT id, login, used_bytes, used_messages FROM accounts", "accounts", check},
	{"SELECT '', key, size, queue_id, 0, 0 FROM items WHERE ? = ''", "items", check},
	{"SELECT queue_id FROM items WHERE unfiled <> 0 AND NOT EXISTS", "items", check},
}

const check = "posthorn check, and the mender"

// few are the tables that have few rows in any store.
var few = []string{"derived_of", "dkim_keys", "domains", "holds", "opening", "secrets", "sqlite_schema"}

// scan is a line of a plan that reads all of a table, or of an index.
var scan = regexp.MustCompile(`^SCAN (\w+)`)

// named finds what a name in a plan stands for.
var named = regexp.MustCompile(`(?i)\b(?:FROM|JOIN|,)\s+(\w+)\s+(?:AS\s+)?(\w+)\b`)

// judgePlans holds what the tests of this package have run to reading no table
// from its beginning to its end, but for those of scans: with five million messages
// in a hundred thousand accounts that is what makes a server slow.
func judgePlans(ran []string) (failed bool) {
	dir, err := os.MkdirTemp("", "plans")
	if err != nil {
		fmt.Println(err)
		return true
	}
	defer os.RemoveAll(dir)
	plans, err := store.Plans(context.Background(), dir, ran)
	if err != nil {
		fmt.Println(err)
		return true
	}
	for _, q := range ran {
		for _, line := range plans[q] {
			table := scanned(q, line)
			if table == "" || slices.Contains(few, table) || allowed(q, table) {
				continue
			}
			failed = true
			fmt.Printf("--- FAIL: a statement reads all of %s:\n%s\n\t%s\n", table, q, strings.Join(plans[q], "\n\t"))
		}
	}
	return failed
}

// scanned is the table that a line of a plan says is read from its beginning, ""
// when it says something else.
func scanned(query, line string) string {
	m := scan.FindStringSubmatch(line)
	if m == nil || m[1] == "CONSTANT" {
		return ""
	}
	for _, n := range named.FindAllStringSubmatch(query, -1) {
		if n[2] == m[1] {
			return n[1]
		}
	}
	return m[1]
}

func allowed(query, table string) bool {
	for _, s := range scans {
		if s.table == table && strings.HasPrefix(strings.Join(strings.Fields(query), " "), s.query) {
			return true
		}
	}
	return false
}
