package message

import (
	"bytes"
	"io"
	"strings"
)

// Report is what a delivery report says: one of RFC 3464, or the text that some
// programs write in its stead. Its strings are a stranger's.
type Report struct {
	// Formal: it is a multipart/report of delivery status (RFC 3464 §2), whatever
	// is in it.
	Formal       bool
	ReportingMTA string
	Recipients   []Reported
	// Returned is the header section of the message that the report is about;
	// nil when none came along.
	Returned []byte
}

// Reported is what a report says about one recipient (RFC 3464 §2.3).
type Reported struct {
	Original, Final string // addresses, without their type
	Action          string // in small letters: "failed", "delayed", "delivered", "relayed", "expanded"
	Status          string // "5.1.1"
	RemoteMTA       string
	Diagnostic      string // without its type
}

// Bounds of a report. Behind maxReport octets nothing is looked at: words,
// status and the returned header stand before whatever else came along.
const (
	MaxReport    = 1 << 20
	maxReported  = 100
	maxReturned  = 256 << 10 // of a returned header section
	maxReportTxt = 64 << 10  // of a text in which a returned header is looked for
)

// ReadReport reads a delivery report from the first MaxReport octets of a
// message. It is false for what is none: for other reports (of a mail that was
// read, of abuse), for answers and for mail.
func ReadReport(b []byte) (Report, bool) {
	b = b[:min(len(b), MaxReport)]
	root, err := Parse(bytes.NewReader(b))
	if err != nil {
		return Report{}, false
	}
	rr := reportReader{b: b}
	if root.Type == "multipart" && root.Subtype == "report" {
		rr.walk(root, 0)
		typ := strings.ToLower(root.Param("report-type"))
		rr.Formal = typ == "delivery-status" || typ == "" && rr.status
		return rr.Report, rr.Formal
	}
	return rr.informal(root)
}

// reportReader is one ReadReport.
type reportReader struct {
	Report
	b      []byte
	status bool // a part of delivery status was there
}

// maxReportDepth: some hosts put the parts of a report into a multipart/mixed of
// their own, with a disclaimer below.
const maxReportDepth = 3

// walk takes in the parts of a report, the first of each kind.
func (r *reportReader) walk(p *Part, depth int) {
	switch {
	case p.Type == "multipart" && depth < maxReportDepth:
		for _, child := range p.Parts {
			r.walk(child, depth+1)
		}
	case p.Type == "message" && (p.Subtype == "delivery-status" || p.Subtype == "global-delivery-status"):
		if !r.status {
			r.status = true
			r.readStatus(r.body(p, maxReportTxt))
		}
	case r.Returned == nil && isReturned(p):
		r.Returned = r.header(p)
	}
}

// isReturned: the types of RFC 6522 §3 and RFC 6533 §4 that bring the original,
// or its header, back.
func isReturned(p *Part) bool {
	switch p.Type + "/" + p.Subtype {
	case "message/rfc822", "message/global", "message/rfc822-headers", "message/global-headers", "text/rfc822-headers":
		return true
	}
	return false
}

// header is the header section in a part that brings a message back.
func (r *reportReader) header(p *Part) []byte {
	b := bytes.TrimLeft(r.body(p, maxReturned), "\r\n")
	return headerOnly(b)
}

// headerOnly cuts b behind its header section. It is nil where there is none.
func headerOnly(b []byte) []byte {
	n, named := 0, false
	for raw := range rawFields(b) {
		n += len(raw)
		named = named || len(fieldName(raw)) > 0
	}
	if !named {
		return nil
	}
	return b[:n:n]
}

// body is that of a part, decoded, up to limit octets.
func (r *reportReader) body(p *Part, limit int64) []byte {
	from, to := min(p.BodyStart, int64(len(r.b))), min(p.End, int64(len(r.b)))
	dec, ok := Decoder(p.Encoding, bytes.NewReader(r.b[from:to]))
	if !ok {
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(dec, limit)) // a bytes.Reader does not fail
	return text
}

// readStatus reads the groups of fields of RFC 3464 §2.1: the first is about the
// message, each other about a recipient.
func (r *reportReader) readStatus(b []byte) {
	for len(b) > 0 {
		b = bytes.TrimLeft(b, "\r\n")
		n := 0
		for raw := range rawFields(b) {
			n += len(raw)
		}
		if n == 0 {
			return
		}
		h := ParseHeader(b[:n])
		b = b[n:]
		if mta := h.Get("Reporting-MTA"); mta != "" && r.ReportingMTA == "" {
			_, r.ReportingMTA = typed(mta)
		}
		final, original := h.Get("Final-Recipient"), h.Get("Original-Recipient")
		if final == "" && original == "" || len(r.Recipients) == maxReported {
			continue
		}
		one := Reported{Action: strings.ToLower(untyped(h.Get("Action"))), Status: untyped(h.Get("Status"))}
		_, one.Final = typed(final)
		_, one.Original = typed(original)
		_, one.RemoteMTA = typed(h.Get("Remote-MTA"))
		_, one.Diagnostic = typed(h.Get("Diagnostic-Code"))
		r.Recipients = append(r.Recipients, one)
	}
}

// typed splits `rfc822; user@example.com` (RFC 3464 §2.1.2). Where the type was
// left out, all is the value. Angle brackets around an address are not its own.
func typed(s string) (typ, value string) {
	typ, value, ok := strings.Cut(s, ";")
	if !ok || strings.ContainsAny(typ, "@ <") {
		typ, value = "", s
	}
	value = strings.TrimSpace(value)
	if len(value) > 2 && value[0] == '<' && value[len(value)-1] == '>' {
		value = value[1 : len(value)-1]
	}
	return strings.TrimSpace(typ), value
}

// untyped takes comments off a word: `5.1.1 (bad destination)`.
func untyped(s string) string {
	s, _, _ = strings.Cut(s, "(")
	return strings.TrimSpace(s)
}
