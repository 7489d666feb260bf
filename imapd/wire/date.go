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

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// appendDate is DateTime in quotes, without the price of time's formats: FETCH
// writes one for each message.
func appendDate(b []byte, at int64, zone int32) []byte {
	t := time.Unix(at+int64(zone), 0).UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		year, month, day = 1970, 1, 1 // no four digits can say it
	}
	hour, minute, second := t.Clock()
	sign, off := byte('+'), int(zone)/60
	if off < 0 {
		sign, off = '-', -off
	}
	b = appendTwo(append(b, '"'), day)
	b = append(b, '-')
	b = append(b, months[3*month-3:3*month]...)
	b = append(b, '-')
	b = appendTwo(appendTwo(b, year/100), year%100)
	b = appendTwo(append(b, ' '), hour)
	b = appendTwo(append(b, ':'), minute)
	b = appendTwo(append(b, ':'), second)
	b = appendTwo(append(b, ' ', sign), off/60)
	return append(appendTwo(b, off%60), '"')
}

func appendTwo(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }
