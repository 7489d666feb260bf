package message

import "time"

// SentDate reads a Date field for ordering (RFC 5256 §2.2): as ParseDate does,
// but a time of day that cannot be is midnight UTC. It is false when the day
// cannot be told.
func SentDate(s string) (time.Time, bool) {
	if t, ok := ParseDate(s); ok {
		return t, true
	}
	var d dateParser
	for _, w := range dateWords(s) {
		d.word(w)
	}
	d.hour, d.min, d.sec = 0, 0, 0
	if !d.ok() {
		return time.Time{}, false
	}
	t := time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC)
	return t, t.Day() == d.day
}
