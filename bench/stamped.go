package main

import (
	"bytes"
	"fmt"

	"posthorn/interop/corpus"
	"posthorn/relay/relaytest/sink"
)

// stamped is a message that is sent many times, each time with another
// Message-ID, by which the copies are told apart and found again. The
// head is each sender's own; the body, which has no line that begins with a dot,
// is shared by all.
type stamped struct {
	head, body []byte
	at         int // where stamp begins in head
}

// stamp is as wide as a run and a number can be, so that nothing moves.
const stamp = "<0000000000.0000000000@bench.invalid>"

// newStamped makes a message of size octets.
func newStamped(from string, size int) stamped {
	head := "From: <" + from + ">\r\nTo: someone <user@bench.test>\r\nSubject: the mail arrives when nobody waits\r\n" +
		"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: " + stamp + "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
	_, body, _ := bytes.Cut(corpus.Plain(1, stamp, size+1000), []byte("\r\n\r\n"))
	body = body[:size-len(head)-2]
	return stampedOf([]byte(head), append(body[:len(body):len(body)], '\r', '\n'))
}

func stampedOf(head, body []byte) stamped {
	return stamped{head, body, bytes.Index(head, []byte(stamp))}
}

// copy is the message for another sender.
func (m stamped) copy() stamped { return stamped{bytes.Clone(m.head), m.body, m.at} }

// number makes it message n of a run and gives its parts.
func (m stamped) number(run, n int64) [][]byte {
	digits(m.head[m.at+1:m.at+11], run)
	digits(m.head[m.at+12:m.at+22], n)
	return [][]byte{m.head, m.body}
}

// digits writes n over what is there.
func digits(at []byte, n int64) {
	for i := len(at) - 1; i >= 0; i-- {
		at[i] = byte('0' + n%10)
		n /= 10
	}
}

// submitted is a message as a mail program submits it.
func submitted(from, to string, run, n int64, body []byte) [][]byte {
	head := fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: number %d\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: %s\r\n\r\n",
		from, to, n, sink.MessageID(run, n))
	return [][]byte{[]byte(head), body}
}
