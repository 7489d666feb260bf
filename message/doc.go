// Package message reads mail as it comes: header sections, MIME structure,
// addresses, dates, encoded words, and the wire forms IMAP makes of them. It is
// pure, holds no state and never fails on what a message says: any octets have
// a header, a body and a structure. Only a reader's own error is returned.
//
// Promises: every pass is linear in the octets read, works in a buffer of fixed
// size and keeps no deep stack. Structure is followed to depth 100 and for
// 10,000 parts; what lies beyond is one opaque text.
//
// RFCs: 5322 (header fields), 2045 to 2047 and 2231 (MIME), 6532 (UTF-8 in
// headers), 3501 and 9051 (ENVELOPE, BODYSTRUCTURE, part numbers), 5256 (base
// subject), 3464 and 6522 (delivery reports).
//
// Notable divergences, all towards showing what is there:
//   - The header section ends at the first empty line or at the end. A line
//     that is no field does not end it; it is a field without a name.
//   - A line ends with LF; a CR before it belongs to the line end.
//   - MIME-Version is not asked for.
//   - A multipart in which no delimiter line is found has one child, a text part
//     that is the whole body (RFC 9051's grammar demands a child).
//   - A message/rfc822 part in base64 or quoted-printable, which RFC 2046
//     §5.2.1 forbids, is shown as application/octet-stream.
package message
