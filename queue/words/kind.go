// Package words holds every sentence that a person reads about what became of a
// message: in reports, in "posthorn trace" and in "posthorn explain". There is one
// catalogue a language (en.toml says how it is built). It decides nothing: package
// queue finds the kind.
package words

// Kind is what happened to a message, in as much detail as words differ. It is the
// name of a table of the catalogues.
type Kind string

// Who can mend what happened.
type Who string

// Those who may.
const (
	Sender    Who = "sender"
	Us        Who = "us"        // the administrator of this server
	Them      Who = "them"      // the people who run the recipient's server
	Recipient Who = "recipient" // the owner of the mailbox
)

// Params are the values of the parameters that sentences may have, by name. One
// that is not known is not there, or empty: sentences with it are left out.
type Params map[string]string

// parameters are all that a catalogue may use.
var parameters = []string{
	"domain",     // the recipient's
	"server",     // the remote host
	"sender",     // the sender's address
	"our_domain", // its domain
	"ip",         // our address
	"hostname",   // our name in EHLO
	"list",       // a blocklist
	"link",       // what the remote server points to, or where the list takes complaints
	"limit",      // their limit of size
	"size",       // of the message
	"selector",   // of our DKIM signature
	"alias",      // the address of ours that passed the message on
}

// Words are those of one kind.
type Words struct {
	What  []string `toml:"what"`  // what happened
	Steps []string `toml:"steps"` // what its sender can do, in order
	Admin []string `toml:"admin"` // hints to the administrator of this server
}
