package message

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// Faults of other servers that strangers can use with one message. Each is
// closed here, by name.
func TestFaultsOfOthersAreClosed(t *testing.T) {
	t.Run("an empty multipart has a child", func(t *testing.T) {
		d := mustDigest(t, "Content-Type: multipart/mixed; boundary=zz\r\n\r\nno parts here\r\n")
		checkWire(t, d)
		if !strings.HasPrefix(string(d.BodyStructure), `(("text" "plain"`) {
			t.Errorf("%s", d.BodyStructure)
		}
	})
	t.Run("nested messages cost neither time nor memory", func(t *testing.T) {
		msg := strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 20_000) // 625 KB
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		checkWire(t, mustDigest(t, msg))
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
			t.Errorf("%d octets allocated", n)
		}
	})
	t.Run("a malformed header line hides nothing", func(t *testing.T) {
		for _, head := range []string{
			"this is not a header\r\nSubject: x\r\n\r\n", "From: a@b.c\r\nBroken line\r\nSubject: x\r\n\r\n", " leading space\r\nSubject: x\r\n\r\n",
			"Subject: x\n\n", "Subject : x\r\n\r\n", "Subject: x\r\nX: \x00\r\n\r\n", ">From x@y\r\nSubject: x\r\n\r\n",
		} {
			root := mustParse(t, head+"body\r\n")
			if root.BodyStart != int64(len(head)) || root.Size() != 6 || root.Envelope.Subject != "x" {
				t.Errorf("%q: header of %d octets, body of %d, subject %q", head, root.BodyStart, root.Size(), root.Envelope.Subject)
			}
		}
	})
	t.Run("one bad address leaves the list", func(t *testing.T) {
		list := ParseAddresses("a@b, <<>>, \"x, c@d;, @, e@f")
		if len(list) == 0 || list[0].Mailbox != "a" {
			t.Errorf("%s", showAddresses(list))
		}
	})
	t.Run("MD5 is shown, sizes have 64 bits", func(t *testing.T) {
		d := mustDigest(t, "Content-Type: a/b\r\nContent-MD5: Q2hlY2s=\r\n\r\n")
		if want := `("a" "b" NIL NIL NIL "7BIT" 0 "Q2hlY2s=" NIL NIL NIL)`; string(d.BodyStructure) != want {
			t.Errorf("%s", d.BodyStructure)
		}
		big := &Part{Type: "a", Subtype: "b", End: 5 << 32}
		if b := appendBody(nil, big, false); !strings.Contains(string(b), fmt.Sprint(int64(5<<32))) {
			t.Errorf("%s", b)
		}
	})
}
