package queue

import (
	"fmt"
	"log/slog"
	"testing"

	"posthorn/store"
	"posthorn/store/blank"
)

// One change with more of a kind than may go out is not refused for it: it has as
// many as there is room for.
func TestNoticesOfOneChangeAreBounded(t *testing.T) {
	st := blank.Open(t, store.Options{})
	d := &draft{Queue: New(st, nil, nil, DefaultConfig(), slog.New(slog.DiscardHandler))}
	for i := range 50 {
		n := Notice{Kind: "blocked", Key: fmt.Sprint(i)}
		told, err := st.Noticed(t.Context(), n.id(), d.ofKind(n.Kind))
		if err != nil {
			t.Fatal(err)
		}
		if !told {
			d.change.Notices = append(d.change.Notices, n.id())
		}
	}
	if _, err := st.Commit(t.Context(), store.Change{Notices: d.change.Notices}); err != nil || len(d.change.Notices) != 20 {
		t.Errorf("%d notices, %v", len(d.change.Notices), err)
	}
}
