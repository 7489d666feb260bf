package words

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/text/message"
)

// Time writes t as people of the language write a time, in t's own zone, which is
// named by its distance from UTC: the names of zones are known to few, and their
// abbreviations mean several.
func (c *Catalogue) Time(t time.Time) string {
	f := &c.Report
	day := strconv.Itoa(t.Day())
	s, _ := Params{
		"weekday": f.Weekdays[t.Weekday()],
		"day":     cmp.Or(f.Days[day], day),
		"month":   f.Months[t.Month()-1],
		"year":    strconv.Itoa(t.Year()),
		"hour":    fmt.Sprintf("%02d", t.Hour()),
		"minute":  fmt.Sprintf("%02d", t.Minute()),
		"zone":    Offset(t),
	}.Fill(f.Date)
	return s
}

// Offset names t's distance from UTC: "UTC", "UTC+1", "UTC-3:30".
func Offset(t time.Time) string {
	_, seconds := t.Zone()
	if seconds == 0 {
		return "UTC"
	}
	sign := '+'
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	s := fmt.Sprintf("UTC%c%d", sign, seconds/3600)
	if m := seconds / 60 % 60; m != 0 {
		s += fmt.Sprintf(":%02d", m)
	}
	return s
}

// number writes n with the language's separators of thousands.
func (c *Catalogue) number(n int) string { return message.NewPrinter(c.tag).Sprint(n) }
