package mail

import (
	"crypto/rand"
	"encoding/base32"
	"io"
	"strings"
)

// Notify is what a sender asks to be told about one recipient, the NOTIFY
// parameter of RFC 3461 §4.1. Zero means it did not say: failures are
// reported, and delays where this host thinks it useful.
type Notify uint8

// The values of NOTIFY. NotifyNever stands alone.
const (
	NotifyNever Notify = 1 << iota
	NotifySuccess
	NotifyFailure
	NotifyDelay
)

// Return says how much of the original a failure report brings back, the RET
// parameter of RFC 3461 §4.3.
type Return uint8

// The values of RET; ReturnUnset leaves it to the reporting host.
const (
	ReturnUnset Return = iota
	ReturnFull
	ReturnHeaders
)

// BodyType is the BODY parameter of RFC 6152 and 3030.
type BodyType uint8

// The values of BODY; zero means none was given.
const (
	BodyUnset BodyType = iota
	Body7Bit
	Body8BitMIME
	BodyBinaryMIME
)

// Recipient is one forward-path with its DSN parameters.
type Recipient struct {
	Path   Path
	ORCPT  string // original recipient, `rfc822;user@host`, xtext decoded; empty when not given (RFC 3461 §4.2)
	Notify Notify
}

// Envelope is what MAIL and RCPT said. A zero From is the null reverse-path:
// nobody wants a report.
type Envelope struct {
	From       Path
	ID         string // ENVID, xtext decoded (RFC 3461 §4.4)
	Return     Return
	Body       BodyType
	UTF8       bool // SMTPUTF8 was given (RFC 6531)
	RequireTLS bool // RFC 8689
	To         []Recipient
}

// Content is a message's octets. It is immutable and may be opened by many
// readers at a time; it is valid until the call it was given to returns, so
// whoever keeps it must put it into the store. Line ends are CRLF. What Open
// gives is an io.ReaderAt too. Content that may be in memory has a method Pieces,
// as Mail has (content.go).
type Content interface {
	Size() int64
	Open() (io.ReadCloser, error)
}

// Origin says whose mail this is and how far its return path is to be
// believed.
type Origin struct {
	Login    string // the authenticated account's login; empty for a stranger
	Proven   bool   // a login, or SPF or an aligned DKIM signature passed: reports may be sent
	Peer     string // for logs and reports: "host.example [192.0.2.1]"
	Protocol string // the with-keyword of Received: "ESMTPS", "LMTP", "local" (RFC 3848, 6531)

	// For the record of acceptance alone; a message that waits has lost them.
	TLS   string // version and cipher, as in Link; empty for clear text
	Notes string // about a stranger "spf=pass dkim=fail dmarc=none", about a login where it is used

	Forwarder Path // the address of ours that sent it on to another host; null when none did
}

// Sender is the login whose mail this is, "local" for that of this host itself,
// and "" for a stranger's.
func (o Origin) Sender() string {
	if o.Login == "" && o.Protocol == "local" {
		return "local"
	}
	return o.Login
}

// Mail is a message on its way. Head is the trace fields this host puts on
// top, each ended by CRLF; it is kept apart so that nothing is copied to add
// them.
type Mail struct {
	Envelope
	QueueID string // NewID; stands in Received, logs, replies and the queue
	Parent  string // QueueID of the message that led to this one, by forwarding or as a report
	Origin  Origin
	Head    []byte
	Content

	Outward  *Path      // MAIL FROM to other hosts, where that is not From; the null path for none
	Returned []Returned // when this is a report about mail of ours
}

// Returned is what another host's delivery report, found genuine, says about one
// recipient of mail that went out from here. Its strings have gone through Clean.
type Returned struct {
	Item               int64 // the queue's number of that mail; 0: not known
	QueueID, MessageID string
	Login              string // Origin.Sender of that mail
	From, To           string
	Action             string // RFC 3464 §2.3.3: "failed", "delayed" ...
	MTA                string // who reports it
	Status             string // what it says of the reason
}

// NewID makes a queue id: 13 characters a person can read out, from 64 random
// bits.
func NewID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return strings.TrimRight(idAlphabet.EncodeToString(b[:]), "=")
}

// idAlphabet leaves out I, L, O and U, which people misread.
var idAlphabet = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
