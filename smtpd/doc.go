// Package smtpd takes mail in. MX is the server of port 25, which takes mail
// for our domains from anybody and for others from nobody; Submission is the
// server of ports 587 and 465, which takes mail to anywhere from those who
// logged in; LMTP takes mail for our domains from a server before us, which has
// judged it. The wire belongs to smtpd/front, the state of a session to
// go-smtp, and the decisions to the interfaces of deps.go; what is left here
// is the order in which they are asked.
//
// It promises: 250 to the content is said after queue.Accept returned and
// never otherwise; a recipient that got 250 has room for the message; a reply
// is the mail.Reply of whoever knew the reason; an error nobody foresaw is
// 451 4.3.0 to the client and one Error line in the log.
//
// RFCs: 5321, 6409 (submission), 2033 (LMTP), 1870, 2034, 2920, 3030, 3207, 3461, 4954,
// 6152, 6531, 8314.
//
// Notable divergences: VRFY and EXPN tell nothing; BINARYMIME is not offered;
// DSN is offered to those who logged in only, so that no stranger is sent
// receipts; the client's address stands in no header field of submitted mail
// (RFC 6409 lets us, RFC 5321 §4.4 would have it there). By LMTP a message is
// taken or refused after its content for all its recipients alike; what concerns
// one of them was said at RCPT.
package smtpd
