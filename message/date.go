package message

import (
	"strconv"
	"strings"
	"time"
)

// ParseDate reads a date-time of RFC 5322 §3.3, the obsolete forms of §4.3, and
// what is found beside them: missing or wrong weekdays, missing seconds or
// zones, ctime's order, ISO 8601's day. A zone that nobody knows is UTC. It is
// false when day, month and year cannot be told.
func ParseDate(s string) (time.Time, bool) {
	var d dateParser
	for _, w := range dateWords(s) {
		d.word(w)
	}
	if !d.ok() {
		return time.Time{}, false
	}
	loc := time.UTC
	if d.zone != 0 {
		loc = time.FixedZone("", d.zone)
	}
	t := time.Date(d.year, d.month, d.day, d.hour, d.min, min(d.sec, 59), 0, loc)
	return t, t.Day() == d.day // a 31 of June is no date
}

// maxDate is how much of a date is looked at; the longest legal one without
// comments has 38 octets.
const maxDate = 200

// dateWords are the words of s without comments and commas.
func dateWords(s string) []string {
	s = s[:min(len(s), maxDate)]
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] == '(' {
			_, i = comment(s, i)
			b.WriteByte(' ')
			continue
		}
		b.WriteByte(s[i])
		i++
	}
	return strings.FieldsFunc(b.String(), func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == '\r' || r == '\n' })
}

type dateParser struct {
	day, year      int
	month          time.Month
	hour, min, sec int
	zone           int // seconds east
	hasTime        bool
	hasZone        bool
}

func (d *dateParser) ok() bool {
	return d.day >= 1 && d.day <= 31 && d.month >= 1 && d.month <= 12 && d.year >= 1 && d.year <= 9999 &&
		d.hour < 24 && d.min < 60 && d.sec <= 60
}

func (d *dateParser) word(w string) {
	day, _, _ := strings.Cut(w, "T")
	switch {
	case w[0] >= '0' && w[0] <= '9' && strings.Count(day, "-") == 2:
		d.dashed(w)
	case strings.Contains(w, ":"):
		d.clock(w)
	case (w[0] == '+' || w[0] == '-') && d.hasTime && len(w) > 1:
		d.offset(w)
	case w[0] >= '0' && w[0] <= '9':
		n, err := strconv.Atoi(w)
		if err != nil {
			return
		}
		if d.day == 0 && n >= 1 && n <= 31 && len(w) <= 2 {
			d.day = n
		} else if d.year == 0 {
			d.year = fullYear(n, len(w))
		}
	default:
		if m := monthByName(w); m != 0 && d.month == 0 {
			d.month = m
		} else if d.hasTime && !d.hasZone {
			d.named(w)
		}
	}
}

// dashed reads 2026-11-22 and 22-Nov-2026.
func (d *dateParser) dashed(w string) {
	p := strings.SplitN(w, "-", 3)
	if m := monthByName(p[1]); m != 0 {
		d.day, _ = strconv.Atoi(p[0])
		n, _ := strconv.Atoi(p[2])
		d.month, d.year = m, fullYear(n, len(p[2]))
		return
	}
	day, clock, _ := strings.Cut(p[2], "T")
	d.year, _ = strconv.Atoi(p[0])
	m, _ := strconv.Atoi(p[1])
	d.month = time.Month(m)
	d.day, _ = strconv.Atoi(day)
	if clock != "" {
		d.clock(clock)
	}
}

// clock reads 12:34, 12:34:56 and 12:34:56.789, with a zone behind it perhaps.
func (d *dateParser) clock(w string) {
	if i := strings.IndexAny(w, "+-Z"); i > 0 {
		d.hasTime = true
		if w[i] != 'Z' {
			d.offset(strings.Replace(w[i:], ":", "", 1))
		}
		w = w[:i]
	}
	p := strings.SplitN(w, ":", 3)
	if len(p) < 2 {
		return
	}
	d.hour, _ = strconv.Atoi(p[0])
	d.min, _ = strconv.Atoi(p[1])
	if len(p) == 3 {
		sec, _, _ := strings.Cut(p[2], ".")
		d.sec, _ = strconv.Atoi(sec)
	}
	d.hour, d.min, d.sec = max(d.hour, 0), max(d.min, 0), max(d.sec, 0)
	d.hasTime = true
}

// offset reads +hhmm. More than a day is no offset (RFC 5322 §3.3: 99 hours at
// most, none of them real).
func (d *dateParser) offset(w string) {
	n, err := strconv.Atoi(w[1:])
	if err != nil || len(w) != 5 || n/100 > 23 || n%100 > 59 {
		return
	}
	d.zone = (n/100*60 + n%100) * 60
	if w[0] == '-' {
		d.zone = -d.zone
	}
	d.hasZone = true
}

// zones are RFC 5322 §4.3's names; military letters were used wrong and mean UTC.
var zones = map[string]int{"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}

func (d *dateParser) named(w string) {
	d.zone = zones[strings.ToUpper(w)] * 3600
	d.hasZone = true
}

// fullYear is RFC 5322 §4.3's reading of years of two and three digits.
func fullYear(n, digits int) int {
	switch {
	case digits == 2 && n < 50:
		return n + 2000
	case digits <= 3:
		return n + 1900
	}
	return n
}

func monthByName(w string) time.Month {
	if len(w) < 3 {
		return 0
	}
	const names = "janfebmaraprmayjunjulaugsepoctnovdec"
	i := strings.Index(names, strings.ToLower(w[:3]))
	if i < 0 || i%3 != 0 {
		return 0
	}
	return time.Month(i/3 + 1)
}
