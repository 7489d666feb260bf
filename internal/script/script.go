// Package script plays protocol transcripts against a server in tests. A
// transcript is a txtar file: the dialogue, then fixtures.
//
//	# A flag set by one client is told to the other. RFC 9051 §7.5.2.
//	C: a SELECT INBOX
//	S* a OK *
//	2C: a SELECT INBOX
//	2S* a OK *
//	C: b STORE 1 +FLAGS (\Seen)
//	S* b OK *
//	2C: b NOOP
//	2S: [*] 1 FETCH (*FLAGS (\Seen)*)
//	-- alice/INBOX/1.eml --
//	Subject: hello
//
// Each line is one step. C speaks for the client, S for the server:
//
//	C: line      send the line and CRLF
//	C"raw\x00"   send exactly these octets, a Go string
//	C!           start TLS now, the server having agreed to STARTTLS or STLS;
//	             certificates are not verified
//	C%           compress from here on, the server having agreed to COMPRESS=DEFLATE
//	C-           close the connection without another word
//	S: pattern   the next line must match
//	S* pattern   read lines up to the first that matches; one with the same
//	             first word that does not match (another tagged reply) fails
//	S? pattern   the next line, if it matches; else it is left for the next step
//	S~ pattern   like S:, but neighbouring S~ lines may come in any order
//	S"raw"       the next octets must be exactly these
//	S-           the server must have closed the connection
//
// In a pattern `*` stands for any octets within the line and `[*]` for a star.
// The server's lines end in CRLF; a line that does not, fails.
//
// A word of small letters and digits before C or S names another connection,
// `2C:` or `lmtpC:`; the unnamed one is "". A connection is dialled when it is
// first named. Empty lines and lines that start with # are passed over.
package script

import (
	"bytes"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// Dial opens the connection of a name. It fails the test by itself.
type Dial func(name string) net.Conn

// Run plays each transcript that the pattern of file names (filepath.Glob)
// matches as a subtest of its own; none is a failure. start is given the
// fixtures and makes the server. Fixtures named *.eml come with CRLF line ends.
func Run(t *testing.T, pattern string, start func(t *testing.T, fixtures []txtar.File) Dial) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no transcripts at %s (%v)", pattern, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			steps, err := parse(path, string(archive.Comment))
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range archive.Files {
				if strings.HasSuffix(f.Name, ".eml") {
					archive.Files[i].Data = bytes.ReplaceAll(f.Data, []byte("\n"), []byte("\r\n"))
				}
			}
			play(t, steps, start(t, archive.Files))
		})
	}
}

// step is one line of a dialogue.
type step struct {
	at   string // file:line, for failures
	conn string
	verb string   // "C:" "S*" ...
	text []string // one; of a group of S~ lines all
}

var stepLine = regexp.MustCompile(`^([a-z0-9]*)([CS][:"!%*?~-])(.*)$`)

// parse reads a dialogue.
func parse(path, dialogue string) ([]step, error) {
	var steps []step
	for i, line := range strings.Split(dialogue, "\n") {
		at := fmt.Sprintf("%s:%d", path, i+1)
		if line == "" || line[0] == '#' {
			continue
		}
		m := stepLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("%s: not a step: %s", at, line)
		}
		s := step{at, m[1], m[2], []string{strings.TrimPrefix(m[3], " ")}}
		switch s.verb {
		case "C*", "C?", "C~", "S!", "S%":
			return nil, fmt.Errorf("%s: no such step: %s", at, s.verb)
		case `C"`, `S"`:
			raw, err := strconv.Unquote(`"` + m[3])
			if err != nil {
				return nil, fmt.Errorf("%s: not a Go string: %s", at, line)
			}
			s.text[0] = raw
		case "S~":
			if n := len(steps) - 1; n >= 0 && steps[n].verb == "S~" && steps[n].conn == s.conn {
				steps[n].text = append(steps[n].text, s.text[0])
				continue
			}
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// match tells whether line is what pattern says.
func match(pattern, line string) bool {
	const star = "\x00" // cannot stand in a pattern: transcripts are text
	parts := strings.Split(strings.ReplaceAll(pattern, "[*]", star), "*")
	for i := range parts {
		parts[i] = strings.ReplaceAll(parts[i], star, "*")
	}
	first, rest := parts[0], parts[1:]
	line, ok := strings.CutPrefix(line, first)
	if len(rest) == 0 {
		return ok && line == ""
	}
	for _, p := range rest[:len(rest)-1] {
		i := strings.Index(line, p)
		if i < 0 {
			return false
		}
		line = line[i+len(p):]
	}
	return ok && strings.HasSuffix(line, rest[len(rest)-1])
}
