package mail

import "bytes"

// JunkField is the trace field by which a check files a message into Junk. It
// counts in Head alone, which this host wrote: the same line in Content is a
// stranger's.
const JunkField = "X-Spam-Flag: YES\r\n"

// Junk tells whether a check has filed m into Junk.
func (m *Mail) Junk() bool {
	f := []byte(JunkField)
	return bytes.HasPrefix(m.Head, f) || bytes.Contains(m.Head, append([]byte("\n"), f...))
}
