package front

import (
	"bytes"
	"time"

	"posthorn/mail"
)

// unknownMailbox is the enhanced code that counts as a guess at an address.
var unknownMailbox = mail.NoSuchMailbox.X

func isUnknown(b []byte) bool { return bytes.HasPrefix(b, []byte("550 5.1.1 ")) }

// judge counts what a client got wrong. It does not hang up: the reply that
// names the fault goes out first, see impatient.
func (c *Conn) judge(code int, unknown bool) {
	switch {
	case unknown:
		c.unknown++
		c.slow = c.cfg.UnknownSlow > 0 && c.unknown > c.cfg.UnknownSlow
	case code == 500 || code == 501 || code == 502 || code == 504 || code == 555:
		c.errors++
	}
}

// guesses tells whether the client has named more unknown recipients than one
// who knows whom it writes to.
func (c *Conn) guesses() bool {
	return c.cfg.UnknownRefused > 0 && c.unknown >= c.cfg.UnknownRefused && !c.exempt()
}

// impatient is called before each command. It ends the session of a client
// that makes only mistakes. One that guesses at addresses gets 421 for each
// further recipient, but a transaction that has recipients may still be
// finished first: they stay deliverable.
func (c *Conn) impatient() error {
	switch {
	case c.guesses() && c.rcpts == 0:
		return c.hangup(mail.TooManyErrors)
	case c.cfg.Errors > 0 && c.errors >= c.cfg.Errors && !c.exempt():
		return c.hangup(mail.TooManyErrors)
	}
	return nil
}

// slowDown holds back the answer to an unknown recipient beyond the first few.
func (c *Conn) slowDown() {
	if !c.slow || c.exempt() {
		return
	}
	c.slow = false
	t := time.NewTimer(c.cfg.Delay)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.stop:
	}
}

// exempt tells whether the client's errors are not counted: it is another
// server that hands on what it was given.
func (c *Conn) exempt() bool { return c.cfg.LMTP || c.listed(c.cfg.Exempt) }
