package store

import (
	"fmt"
	"strings"
)

// Rights is a set of what somebody may do with a mailbox (RFC 4314 §2.1).
type Rights uint16

// The rights, in the order in which they are written.
const (
	RightLookup  Rights = 1 << iota // l: LIST shows it
	RightRead                       // r: SELECT, STATUS
	RightSeen                       // s: \Seen may be changed
	RightWrite                      // w: other flags but \Deleted may be changed
	RightInsert                     // i: APPEND, COPY into it
	RightPost                       // p: kept and told, without effect: mail is sent to addresses, not to mailboxes
	RightCreate                     // k: mailboxes below it
	RightDelete                     // x: the mailbox may be deleted and renamed
	RightTrash                      // t: \Deleted may be changed
	RightExpunge                    // e: EXPUNGE
	RightAdmin                      // a: who has which rights

	AllRights = RightAdmin<<1 - 1
)

const rightLetters = "lrswipkxtea"

// The rights of RFC 2086 that newer ones have replaced (RFC 4314 §2.1.1): they
// stand for these, and are written where one of these is there.
const (
	virtualCreate = RightCreate | RightDelete // c
	virtualDelete = RightTrash | RightExpunge // d
)

// ParseRights reads rights as clients write them. ErrInvalid for a letter that
// stands for nothing: RFC 4314 §3.1 forbids to pass it over.
func ParseRights(s string) (r Rights, err error) {
	for _, c := range []byte(s) {
		switch i := strings.IndexByte(rightLetters, c); {
		case i >= 0:
			r |= 1 << i
		case c == 'c':
			r |= virtualCreate
		case c == 'd':
			r |= virtualDelete
		default:
			return 0, fmt.Errorf("right %q: %w", c, ErrInvalid)
		}
	}
	return r, nil
}

// Has says whether all of these are among the rights.
func (r Rights) Has(these Rights) bool { return r&these == these }

// String writes them, those of RFC 2086 at the end.
func (r Rights) String() string {
	b := []byte(r.Letters())
	if r&virtualCreate != 0 {
		b = append(b, 'c')
	}
	if r&virtualDelete != 0 {
		b = append(b, 'd')
	}
	return string(b)
}

// Letters writes them without those of RFC 2086.
func (r Rights) Letters() string {
	var b []byte
	for i := range len(rightLetters) {
		if r&(1<<i) != 0 {
			b = append(b, rightLetters[i])
		}
	}
	return string(b)
}

// RightsOp is how SetACL changes rights.
type RightsOp int

// The three ways of SETACL (RFC 4314 §3.1).
const (
	RightsSet RightsOp = iota
	RightsAdd
	RightsRemove
)

func (op RightsOp) apply(old, these Rights) Rights {
	switch op {
	case RightsAdd:
		return old | these
	case RightsRemove:
		return old &^ these
	}
	return these
}
