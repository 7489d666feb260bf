package mail

import "testing"

func TestJunk(t *testing.T) {
	for _, c := range []struct {
		head, content string
		want          bool
	}{
		{"", "", false},
		{JunkField, "", true},
		{"Received: x\r\n" + JunkField + "Received: y\r\n", "", true},
		{"Received: " + JunkField, "", false}, // inside another field
		{"X-Spam-Flag: NO\r\n", "", false},
		{"", JunkField, false}, // a stranger's
	} {
		m := &Mail{Head: []byte(c.head), Content: Bytes(c.content)}
		if m.Junk() != c.want {
			t.Errorf("head %q, content %q: %v", c.head, c.content, !c.want)
		}
	}
}
