package queue

import (
	"net/netip"
	"testing"
	"time"

	"posthorn/mail"
)

// A flood of refusals is on record in part, and leaves room for others.
func TestRefusalsAreBounded(t *testing.T) {
	hour := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	var b refusalBudget
	// ask counts how many of n are let in, each from the address that from gives.
	ask := func(n int, from func(int) netip.Addr, r mail.Reply, at time.Time) (in int) {
		for i := range n {
			if b.may(from(i), r, at) {
				in++
			}
		}
		return in
	}
	one := func(a string) func(int) netip.Addr { return func(int) netip.Addr { return netip.MustParseAddr(a) } }
	many := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}) }
	neighbours := func(i int) netip.Addr {
		return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(i)})
	}
	for _, step := range []struct {
		name  string
		n     int
		from  func(int) netip.Addr
		reply mail.Reply
		at    time.Time
		want  int
	}{
		{"one address", 100, one("198.51.100.1"), mail.NoSuchMailbox, hour, refusedOfPeer},
		{"the same, mapped", 100, one("::ffff:198.51.100.1"), mail.DMARCReject, hour, 0},
		{"one network", 100, neighbours, mail.NoSuchMailbox, hour, refusedOfPeer},
		{"a botnet", 5000, many, mail.NoSuchMailbox, hour, refusedStrangers - 2*refusedOfPeer},
		{"others meanwhile", 100, func(i int) netip.Addr { return many(i + 9000) }, mail.MailboxFull, hour.Add(time.Minute), 100},
		{"a program on this machine", 2000, func(int) netip.Addr { return netip.Addr{} }, mail.MailboxFull, hour, refusedOthers - 100},
		{"an hour later", 100, one("198.51.100.1"), mail.NoSuchMailbox, hour.Add(time.Hour), refusedOfPeer},
	} {
		if got := ask(step.n, step.from, step.reply, step.at); got != step.want {
			t.Errorf("%s: %d of %d, want %d", step.name, got, step.n, step.want)
		}
	}
}
