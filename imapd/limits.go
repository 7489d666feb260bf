package imapd

import (
	"time"

	"posthorn/imapd/wire"
)

// Every limit that is not the operator's, in one place; docs/imap.md has those
// that a client can come upon. What the store bounds for every protocol stands
// there (keywords, annotations, entries of an ACL, names of mailboxes).
const (
	loginTime     = 3 * time.Minute  // from the greeting to a login
	readTime      = 5 * time.Minute  // for each read within a command
	writeTime     = 5 * time.Minute  // for each write of at most writeBuffer octets
	keepAlive     = 2 * time.Minute  // between two signs of life to an idling client
	progressTime  = 5 * time.Second  // between two signs of a command that takes long
	drainTime     = 15 * time.Second // for the running command when the server stops
	strangerFault = 10               // commands answered BAD or NO before a login, then BYE

	readBuffer  = 4 << 10
	writeBuffer = 32 << 10
)

// What one command may bring or ask for.
const (
	maxAppends    = 4096    // messages of an APPEND: they are entered in one transaction, all or none
	maxParts      = 1000    // of CATENATE
	maxFetchItems = 100     // of FETCH, for each message
	maxKeys       = 2000    // of a search program, and with it how deep NOT and OR nest: clients build long chains of OR
	maxEntries    = 200     // that GETMETADATA or LIST asks for
	maxIDFields   = 30      // of ID: RFC 2971 §3.3
	maxKeyword    = 128     // octets of a keyword: they wait until all messages of an APPEND have come
	maxQuota      = 1 << 50 // the largest number of SETQUOTA, so that it is one of octets too
)

// What a session may keep.
const (
	notifyBoxes    = 5000    // mailboxes that NOTIFY watches
	maxContexts    = 8       // results that are kept up to date; one is always possible (RFC 5267 §4.3.1)
	maxContextHits = 1 << 20 // messages in all of them
	maxStaged      = 64      // messages of an APPEND with their file open; those beyond are synced while others come
	maxSyncing     = 8       // of these at a time
)

// What the server keeps of mailboxes that nobody has selected any more: web mail
// connects anew for each page, and a version is cheaper to bring up to date than
// to load. A message takes 24 octets.
const (
	lingerTime    = time.Minute
	lingerBoxes   = 256
	lingerRows    = 4 << 20  // messages in all
	maxGistOctets = 64 << 20 // by which all mailboxes are sorted; beyond it those go that were not used for the longest time
)

// A legal ID command takes 30 × (30 + 1,024) octets: strangerLimits let it
// pass (RFC 2971 §3.3).
var strangerLimits = wire.Limits{Line: 40 << 10, Literal: 40 << 10, Discard: 128 << 10, Depth: 50}

func memberLimits(appendLimit int64) wire.Limits {
	return wire.Limits{Line: 64 << 10, Literal: 128 << 10, Discard: max(appendLimit, 1<<20), Depth: 50}
}
