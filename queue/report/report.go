// Package report writes delivery status notifications: what a mail server tells
// the sender of a message about its fate, for the person (text and HTML, in the
// person's language), for programs (message/delivery-status), and with the message
// it is about. It is pure: the same Report gives the same octets, apart from the
// boundaries.
//
// Everything a stranger wrote (recipients' names, a remote server's reply, the
// original's header) is cleaned and cut before it is shown, so that a report has
// bounded size whatever it is about.
//
// RFCs: 3461 (what is asked for), 3464 (delivery status), 6522 (multipart/report),
// 6533 (UTF-8), 3834 (automatic mail), 8689 §5 (REQUIRETLS).
package report

import (
	"slices"
	"time"

	"posthorn/mail"
	"posthorn/message"
	"posthorn/queue/words"
)

// Action is what happened to a recipient (RFC 3464 §2.3.3).
type Action string

// The actions.
const (
	Failed    Action = "failed"
	Delayed   Action = "delayed"
	Relayed   Action = "relayed"
	Delivered Action = "delivered"
	Expanded  Action = "expanded"
)

// MaxRecipients is how many one report tells about, so that its size is bounded
// while it still says something about each.
const MaxRecipients = 1000

// Report is one report.
type Report struct {
	Action     Action
	Original   Original
	Recipients []Recipient // at least one, at most MaxRecipients
	Others     []Other

	ID       string // queue id of the report itself
	Hostname string
	Now      time.Time
	Words    *words.Catalogue
	Clock    Clock
}

// Original is the message a report is about.
type Original struct {
	mail.Envelope
	QueueID   string
	By        mail.Path // the address of ours that passed it on to the recipients; null when its sender wrote to them
	Peer      string    // the host it came from, "host.example [192.0.2.1]"; "" when that was no mail server
	MessageID string    // without angle brackets
	Arrived   time.Time
	Header    []byte // nil when it cannot be read
	Full      []byte // all of it, where that is to be returned
}

// Recipient is one recipient and what became of it.
type Recipient struct {
	mail.Recipient
	Status   mail.Status
	Code     mail.EnhancedCode // the Status field
	Kind     words.Kind
	Who      words.Who
	Params   words.Params
	Expired  bool // failed because time was up
	Attempts int
	First    time.Time // attempt; zero with Last when there was none
	Last     time.Time
	Until    time.Time // it is tried until then; zero when it is over
}

// Theirs tells whether the reply is a remote server's words, and not what our side
// made of its behaviour.
func (r *Recipient) Theirs() bool { return r.Status.MTA != "" && r.Status.Reply.Name == "" }

// Other is a recipient of the same message that the report is not about.
type Other struct {
	Path mail.Path
	Fate Fate
}

// Fate is what became of it so far.
type Fate int

// The fates.
const (
	Done Fate = iota
	Waiting
	Gone // failed, and told about before
)

// Clock is whose time is shown.
type Clock struct {
	Location *time.Location
	Whose    Whose
}

// Whose clock it is.
type Whose int

// Those who have one.
const (
	Yours   Whose = iota // the account's time zone
	Written              // that of the original's Date field
	Server               // the server's
)

// Compose writes the report as a message.
func (r *Report) Compose() []byte {
	var w message.Composer
	r.header(&w)
	w.Multipart("report", message.Param{Name: "report-type", Value: r.reportType()})
	doc := r.document()
	w.Part()
	w.Multipart("alternative")
	for _, alternative := range []struct{ subtype, text string }{{"plain", doc.text(r.Words.Colon())}, {"html", doc.html(r.Words.Language, r.subject())}} {
		w.Part()
		w.Structured("Content-Language", r.Words.Language)
		w.Text(alternative.subtype, alternative.text)
	}
	w.Close()
	w.Part()
	r.writeStatus(&w)
	r.writeOriginal(&w)
	w.Close()
	return w.Bytes()
}

// maxReferences of the original are repeated; its own comes behind.
const maxReferences = 20

func (r *Report) header(w *message.Composer) {
	from := r.Original.From
	w.Addresses("From", message.Address{Name: r.Words.Report.From, Mailbox: "MAILER-DAEMON", Host: r.Hostname})
	w.Addresses("To", message.Address{Mailbox: from.Local, Host: from.Domain})
	w.Field("Subject", r.subject())
	w.Date("Date", r.Now)
	w.Structured("Message-ID", "<"+r.ID+"@"+r.Hostname+">")
	if id := r.Original.MessageID; id != "" {
		w.Structured("In-Reply-To", "<"+id+">")
		w.Structured("References", r.references())
	}
	w.Structured("Auto-Submitted", "auto-replied") // RFC 3834 §5
	if r.Action == Failed {
		r.failedRecipients(w)
	}
}

// references are the original's and its own Message-ID, so that the report stands
// in the same thread (RFC 5322 §3.6.4). When there are many, the first and the
// newest of them stay.
func (r *Report) references() string {
	h := message.ParseHeader(r.Original.Header)
	ids := message.MessageIDs(h.Get("References"))
	if len(ids) == 0 { // RFC 5322 §3.6.4: then In-Reply-To, if it names one
		if ids = message.MessageIDs(h.Get("In-Reply-To")); len(ids) > 1 {
			ids = nil
		}
	}
	if len(ids) > maxReferences {
		ids = slices.Concat(ids[:1], ids[len(ids)-maxReferences+1:])
	}
	s := ""
	for _, id := range ids {
		if id != r.Original.MessageID && fitsField(id) {
			s += "<" + id + "> "
		}
	}
	return s + "<" + r.Original.MessageID + ">"
}

// fitsField tells whether an id can stand in a field as it is.
func fitsField(id string) bool {
	return len(id) <= 250 && !slices.ContainsFunc([]byte(id), func(c byte) bool { return c <= ' ' || c >= 0x7f })
}

// failedRecipients is the field that some programs look at before the rest. It
// has those that ASCII can hold.
func (r *Report) failedRecipients(w *message.Composer) {
	const most = 100
	list := ""
	n := 0
	for i := range r.Recipients {
		if p := r.Recipients[i].Path; p.IsASCII() && n < most {
			if n++; n > 1 {
				list += ", "
			}
			list += p.String()
		}
	}
	if list != "" {
		w.Structured("X-Failed-Recipients", list)
	}
}

// subject names the outcome and the recipient, or how many there are.
func (r *Report) subject() string {
	return r.phrase(r.Action, r.Words.Report.Subject, words.Params{"recipients": r.recipients()})
}

func (r *Report) recipients() string {
	if n := len(r.Recipients); n > 1 {
		return r.Words.Report.Recipients.Of(r.Words, n)
	}
	if !r.Original.By.IsNull() {
		return show(r.Original.By.String())
	}
	return show(r.Recipients[0].Path.String())
}

// phrase is the sentence for an action.
func (r *Report) phrase(a Action, all words.Actions, p words.Params) string {
	s := all.Failed
	switch a {
	case Delayed:
		s = all.Delayed
	case Relayed:
		s = all.Relayed
	case Delivered:
		s = all.Delivered
	case Expanded:
		s = all.Expanded
	}
	s, _ = p.Fill(s)
	return s
}

// UTF8 tells whether the report has to be sent with SMTPUTF8: its own header, not
// its parts, decides (RFC 6533 §3).
func (r *Report) UTF8() bool { return !r.Original.From.IsASCII() }
