package wire

import (
	"strings"
	"time"
)

// The forms of RFC 9051 §9: date and date-time. The time package takes one
// digit or two for "2", and month names in any case.
const (
	dateForm     = "2-Jan-2006"
	dateTimeForm = "2-Jan-2006 15:04:05 -0700"
	// DateTime writes an INTERNALDATE.
	DateTime = "02-Jan-2006 15:04:05 -0700"
)

// Date takes a date, quoted or not; it is midnight UTC of that day.
func (d *Decoder) Date() time.Time {
	s := ""
	if d.At('"') {
		s = d.quoted()
	} else {
		s = d.Atom()
	}
	return d.time(dateForm, s)
}

// DateTime takes a quoted date-time with its zone.
func (d *Decoder) DateTime() time.Time {
	return d.time(dateTimeForm, strings.TrimLeft(d.quoted(), " "))
}

func (d *Decoder) time(form, s string) time.Time {
	if d.err != nil {
		return time.Time{}
	}
	t, err := time.Parse(form, s)
	if err != nil {
		d.Fail("%q is not a date", s)
	}
	return t
}
