package imapd

import (
	"time"

	"posthorn/imapd/wire"
)

// age is OLDER or YOUNGER (RFC 5032 §3): it takes a number of seconds, which
// INTERNALDATE lies at least, or at most, before now. Now is one moment for the
// whole search.
func (p *parser) age(is func(age, seconds int64) bool) node {
	seconds := takeInterval(p.arg())
	now := time.Now()
	p.aging = true
	return internalKey(func(t time.Time) bool { return is(int64(now.Sub(t)/time.Second), seconds) })
}

// takeInterval takes an nz-number of seconds.
func takeInterval(d *wire.Decoder) int64 {
	n := d.Number64()
	if n == 0 || n > 1<<32-1 {
		d.Fail("expected a number of seconds")
	}
	return n
}

func older(age, seconds int64) bool   { return age >= seconds }
func younger(age, seconds int64) bool { return age <= seconds }
