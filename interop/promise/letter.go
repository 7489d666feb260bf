package promise

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"regexp"
	"strings"
)

// text is the message with an id, lines ended by CRLF. Most are small; one in 32
// is of 100 KiB, one in 256 so large that it is staged and synced by itself, one
// in 1,024 too large for memory.
func text(id string) []byte {
	h := fnv.New32a()
	h.Write([]byte(id))
	lines := 40
	switch n := h.Sum32() % 1024; {
	case n == 0:
		lines = 90_000
	case n < 5:
		lines = 30_000
	case n < 37:
		lines = 2_000
	}
	head := "Message-ID: <" + id + "@load.test>\r\nFrom: alice@example.test\r\nTo: you@example.test\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nSubject: load\r\n\r\n"
	var b bytes.Buffer
	b.WriteString(head)
	for i := range lines {
		fmt.Fprintf(&b, "%-20s%8d %s\r\n", id, i, "and some words in a line")
	}
	return b.Bytes()
}

var idField = regexp.MustCompile(`(?m)^Message-ID: <([^@>]*)@load\.test>\r?$`)

// read gives the id of a message that a server shows, which may have put trace
// fields on top, and whether it is whole.
func read(content []byte) (id string, whole bool) {
	m := idField.FindSubmatch(content[:min(len(content), 8<<10)])
	if m == nil {
		return "", false
	}
	id = string(m[1])
	return id, bytes.HasSuffix(content, text(id))
}

// dotted is content as DATA carries it, with the final dot.
func dotted(content []byte) []byte {
	s := strings.ReplaceAll(string(content), "\r\n.", "\r\n..")
	return append([]byte(s), ".\r\n"...)
}
