package queue_test

import "testing"

// What an address only sends on is found by its Message-ID too.
func TestForwardedMailHasItsNameOnRecord(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.mda.onward["team"] = "bob@away.test"
		m := letter("team@here.test")
		f.accept(m)
		events, err := f.st.Events(f.Context(), m.QueueID, 0, 10)
		if err != nil || len(events) < 2 {
			t.Fatalf("%+v, %v", events, err)
		}
		for _, e := range events {
			if e.MessageID != "1@here.test" {
				t.Errorf("%s: Message-ID %q", e.Kind, e.MessageID)
			}
		}
	})
}
