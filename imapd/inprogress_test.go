package imapd

import (
	"bufio"
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/imapd/wire"
)

// A client hears of a long command every progressTime, and of a short one never.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		s := &session{out: wire.NewEncoder(bufio.NewWriter(&b))}
		s.begin(`a"1`)
		for n := range 100 {
			time.Sleep(progressTime / 40)
			s.progress(n+1, 100)
		}
		const want = "* OK [INPROGRESS (\"a\\\"1\" 40 100)] Still at it\r\n* OK [INPROGRESS (\"a\\\"1\" 80 100)] Still at it\r\n"
		if b.String() != want {
			t.Errorf("%q instead of %q", b.String(), want)
		}
	})
}
