package pop3d

import (
	"bufio"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"posthorn/auth"
	"posthorn/store"
)

// What the store says in two words is told in the one that fits; only what an
// administrator should look at is logged.
func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		answer string
		logged bool
	}{
		"expunged, and its file is gone": {fmt.Errorf("%w: %w", store.ErrExpunged, store.ErrCorrupt), "-ERR The message was removed", false},
		"a file that is missing":         {fmt.Errorf("open: %w", store.ErrCorrupt), "-ERR [SYS/PERM] ", true},
		"locked":                         {store.ErrLocked, "-ERR [IN-USE] ", false},
		"a disk that is full":            {store.ErrNoSpace, "-ERR [SYS/TEMP] The server's disk is full", false},
		"a wrong password":               {auth.ErrCredentials, "-ERR [AUTH] ", false},
		"a client's mistake":             {refusal("no"), "-ERR no\r\n", false},
	} {
		var out, log strings.Builder
		s := &session{w: bufio.NewWriter(&out), log: slog.New(slog.NewTextHandler(&log, nil))}
		s.fail(c.err)
		s.w.Flush()
		if !strings.HasPrefix(out.String(), c.answer) || (log.Len() > 0) != c.logged {
			t.Errorf("%s: %q, logged %q", name, out.String(), log.String())
		}
	}
}
