package imapd

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// A mailbox is selected again with what a client knows of it. RFC 7162 §3.2.5.
func TestResync(t *testing.T) {
	w := newWorld(t, tweaks{})
	for i := range 9 {
		w.deliver("alice", "INBOX", fmt.Appendf(nil, "Subject: %d\r\n\r\n", i))
	}
	k := newCacher(t, w, "before", true, false)
	since := k.highest
	k.run(`UID STORE 2:5 +FLAGS.SILENT (\Deleted)`)
	k.run("UID EXPUNGE 2,4:5")
	k.run(`UID STORE 7 +FLAGS.SILENT (\Flagged)`)
	k.run("APPEND INBOX {14+}\r\nSubject: new\r\n")
	k.run("UNSELECT")

	row3, row7, row10 := `* 2 FETCH (UID 3 FLAGS (\Deleted) MODSEQ (17))`, `* 4 FETCH (UID 7 FLAGS (\Flagged) MODSEQ (19))`, `* 7 FETCH (UID 10 FLAGS (\Recent) MODSEQ (20))`
	row10 = strings.Replace(row10, `\Recent`, "", 1)
	tests := []struct {
		name, arguments string
		want            []string
	}{
		{"everything since", fmt.Sprintf("%s %d", k.validity, since), []string{"* VANISHED (EARLIER) 2,4:5", row3, row7, row10}},
		{"only of messages it knows", fmt.Sprintf("%s %d 1:4,7", k.validity, since), []string{"* VANISHED (EARLIER) 2,4", row3, row7}},
		{"with numbers that are right", fmt.Sprintf("%s %d 1:9 (1,3 1,3)", k.validity, since), []string{"* VANISHED (EARLIER) 2,4:5", row3, row7}},
		{"without UIDs, with numbers", fmt.Sprintf("%s %d (1:3 1:3)", k.validity, since), []string{"* VANISHED (EARLIER) 2,4:5", row3, row7, row10}},
		{"since the expunge", fmt.Sprintf("%s 18", k.validity), []string{row7, row10}},
		{"since now", fmt.Sprintf("%s 20", k.validity), nil},
		{"since a time to come", fmt.Sprintf("%s 9223372036854775807", k.validity), nil},
		{"of another mailbox", "1 1", nil},
	}
	for _, verb := range []string{"SELECT", "EXAMINE"} {
		for _, test := range tests {
			var got []string
			highest := false
			for _, l := range k.run("%s INBOX (QRESYNC (%s))", verb, test.arguments) {
				if strings.Contains(l, "VANISHED") || strings.Contains(l, "FETCH") {
					got = append(got, l)
					if !highest {
						t.Errorf("%s: %s before HIGHESTMODSEQ", test.name, l)
					}
				}
				highest = highest || strings.HasPrefix(l, "* OK [HIGHESTMODSEQ 20]")
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%s %s: %q, want %q", verb, test.name, got, test.want)
			}
		}
	}
	k.run("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 18 VANISHED)")
	for _, arguments := range []string{
		"1", "1 -1", "1 1 *", "1 1 1:*", "1 1 $", "1 1 (1)", "1 1 (1 1", "1 1 (* 1)", "1 1 (1:2 5)", "1 1 1 1", "4294967296 1", "1 9223372036854775808", "1 1 () 1",
	} {
		k.send("bad SELECT INBOX (QRESYNC (" + arguments + "))")
		if l := k.line(); !strings.HasPrefix(l, "bad BAD ") {
			t.Errorf("%s: %s", arguments, l)
		}
	}
}

// What UID FETCH VANISHED names lies in its set, was there and is gone.
func TestFetchVanished(t *testing.T) {
	w := newWorld(t, tweaks{})
	for range 9 {
		w.deliver("alice", "INBOX", []byte("Subject: x\r\n\r\n"))
	}
	k, other := newCacher(t, w, "client", true, false), newClient(t, w, "other", "alice")
	since := k.highest
	other.open()
	other.do(`STORE 2:3,6,9 +FLAGS.SILENT (\Deleted)`)
	k.run("NOOP")
	other.do("EXPUNGE")
	// The expunge has not been told: it is told at the end, and once.
	want := []string{"* VANISHED 2:3,6,9"}
	got := k.run("UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d VANISHED)", k.highest)
	if !slices.Equal(got, want) {
		t.Errorf("untold: %q, want %q", got, want)
	}
	for set, want := range map[string]string{"1:*": "2:3,6,9", "3:8": "3,6", "10": "", "*:5": "6,9", "4,9": "9"} {
		got := k.run("UID FETCH %s (UID) (VANISHED CHANGEDSINCE %d)", set, since)
		got = slices.DeleteFunc(got, func(l string) bool { return strings.Contains(l, "FETCH") })
		if want != "" && !slices.Equal(got, []string{"* VANISHED (EARLIER) " + want}) || want == "" && len(got) > 0 {
			t.Errorf("%s: %q, want %s", set, got, want)
		}
	}
}

// earlier gives what is expunged, within and above, and not seen; lastMatch is
// the last pair that is right.
func TestEarlierIsExact(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 7))
		var rows []store.Row
		var gone []store.UIDRange
		var within []wire.Range
		isGone, isWithin, isSeen := [60]bool{}, [60]bool{}, [60]bool{}
		for u := 1; u < 60; u++ {
			isGone[u], isWithin[u], isSeen[u] = r.IntN(3) > 0, r.IntN(4) > 0, r.IntN(3) == 0
			if isSeen[u] {
				rows = append(rows, store.Row{UID: store.UID(u)})
			}
			if isGone[u] && isGone[u-1] {
				gone[len(gone)-1].Last++
			} else if isGone[u] {
				gone = append(gone, store.UIDRange{First: store.UID(u), Last: store.UID(u)})
			}
			if isWithin[u] && isWithin[u-1] {
				within[len(within)-1].B++
			} else if isWithin[u] {
				within = append(within, wire.Range{A: uint32(u), B: uint32(u)})
			}
		}
		above := store.UID(r.IntN(20))
		v := &view{seen: newVersion(1, store.Box{UIDNext: 60}, appendChunk(nil, rows))}
		var want []uint32
		for u := uint32(above) + 1; u < 60; u++ {
			if isGone[u] && isWithin[u] && !isSeen[u] {
				want = append(want, u)
			}
		}
		if got := wire.FormatRanges(v.earlier(gone, within, above)); got != wire.FormatRanges(wire.Compact(want)) {
			t.Fatalf("seed %d: %s, want %s", seed, got, wire.FormatRanges(wire.Compact(want)))
		}
	}
	seen := newVersion(1, store.Box{}, appendChunk(nil, []store.Row{{UID: 2}, {UID: 3}, {UID: 7}, {UID: 8}}))
	for arguments, want := range map[string]store.UID{
		"(1:2 2:3)": 3, "(1:3 2:4)": 3, "(1,3 1,7)": 7, "(4 9)": 0, "(1:4294967295 1:4294967295)": 0, "(1,4,9 2,8,9)": 8,
	} {
		s := &session{enabled: enabled{qresync: true}}
		d := decoderOf(" (1 1 " + arguments + ")")
		if got := s.takeResync(d).lastMatch(seen); d.End() != nil || got != want {
			t.Errorf("%s: %d, want %d", arguments, got, want)
		}
	}
}
