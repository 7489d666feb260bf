// Package front is the net.Conn that stands between a mail client and a stock
// go-smtp server. It owns the wire: TLS, time limits, command lines, the
// content of messages and the order in which commands may come. go-smtp gets
// one well-formed command that is legal now, at the moment it asks for the
// next, so the two are always in step:
//
//	client ── lines, content ──> Conn ── one command ──> go-smtp ──> session
//	client <── one write a batch ── Conn <── one reply ── go-smtp <── session
//	                              Conn.Content ───────────────────> session
//
// Content never passes through go-smtp. After the 354 it is told that the
// message is empty, and the session reads the real one from Content; BDAT is
// served to go-smtp as the same empty DATA. So one goroutine runs a
// connection, nothing of go-smtp's own limits and of its BDAT code is in play,
// and the octets are looked at once.
//
// The promises:
//   - Only CRLF.CRLF ends DATA and only the announced octets end a chunk. A
//     connection that breaks earlier gives the session an error, never an end.
//   - What a client sent in the clear is forgotten when TLS begins.
//   - Memory for a connection is constant, whatever the client sends.
//   - A client that is closed upon is told why, with 421 or 5yz.
//   - Where front and go-smtp disagree about the session, 421 and close.
//
// RFCs: 5321 (SMTP), 1870 (SIZE), 2034 (enhanced codes), 2920 (pipelining),
// 3030 (BDAT), 3207 (STARTTLS), 3461 (DSN parameters), 4954 (AUTH), 8314
// (implicit TLS), and HAProxy's PROXY protocol, versions 1 and 2.
//
// Notable divergences: a command line that ends in a bare LF is refused; a
// chunked message whose last line has no CRLF gets one; after BDAT LAST failed,
// the chunks that were already on their way get 503.
package front
