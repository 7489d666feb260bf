package mail

import (
	"io"
	"slices"
	"testing"
)

// elsewhere is content that is not in memory.
type elsewhere struct{ Content }

func TestPiecesAreTheWholeMessage(t *testing.T) {
	body := Bytes("Subject: hi\r\n\r\nbody\r\n")
	m := Mail{Head: []byte("Received: here\r\n"), Content: body}
	r, err := m.Reader()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	pieces, ok := m.Pieces()
	if got := slices.Concat(pieces...); !ok || string(got) != string(want) {
		t.Errorf("%t, %q, not %q", ok, got, want)
	}
	if len(pieces) != 2 || &pieces[1][0] != &body[0] {
		t.Error("content was copied")
	}
	m.Content = elsewhere{body}
	if pieces, ok := m.Pieces(); ok {
		t.Errorf("content that is elsewhere: %q", pieces)
	}
}
