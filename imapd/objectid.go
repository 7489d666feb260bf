package imapd

import (
	"strconv"
	"strings"

	"posthorn/store"
)

// The identifiers of RFC 8474: a letter for the kind, then the store's number.
// The store counts messages and threads within an account, so that theirs name
// the account too: a client that sees mailboxes of several accounts never
// takes two messages for one.

func mailboxID(id store.MailboxID) string { return "F" + strconv.FormatInt(int64(id), 10) }

func emailID(a store.AccountID, id store.EmailID) string {
	return "M" + strconv.FormatInt(int64(a), 10) + "-" + strconv.FormatInt(int64(id), 10)
}

func threadID(a store.AccountID, id store.ThreadID) string {
	return "T" + strconv.FormatInt(int64(a), 10) + "-" + strconv.FormatInt(int64(id), 10)
}

// writeMailboxID tells a mailbox's identifier when it is selected (RFC 8474
// §4.2).
func (s *session) writeMailboxID(b store.Box) {
	s.untagged("OK", "MAILBOXID ("+mailboxID(b.ID)+")", "The mailbox keeps this name")
}

// account is whose mailbox is being fetched from.
func (f *fetcher) account() store.AccountID { return f.s.view.seen.box.Account }

func (f *fetcher) writeEmailID(m *fetched) {
	f.s.out.Raw("(").Raw(emailID(f.account(), m.fact.Email)).Raw(")")
}

func (f *fetcher) writeThreadID(m *fetched) {
	f.s.out.Raw("(").Raw(threadID(f.account(), m.fact.Thread)).Raw(")")
}

// messageKey is a search key that is judged by the index.
type messageKey func(msg *store.Message) bool

func (k messageKey) judge(m *candidate) verdict {
	if m.level < needMessage {
		return unknown
	}
	return verdictOf(k(&m.msg))
}

func (messageKey) needs() need { return needMessage }

// emailID is the key EMAILID (RFC 8474 §5.4).
func (p *parser) emailID() node {
	want := p.objectID()
	return viewKey(func(v *view) node {
		account := v.seen.box.Account
		return messageKey(func(msg *store.Message) bool { return emailID(account, msg.Email) == want })
	})
}

// threadID is the key THREADID.
func (p *parser) threadID() node {
	want := p.objectID()
	return viewKey(func(v *view) node {
		account := v.seen.box.Account
		return messageKey(func(msg *store.Message) bool { return threadID(account, msg.Thread) == want })
	})
}

// objectID takes an identifier: 1 to 255 letters, digits, "_" and "-".
func (p *parser) objectID() string {
	id := p.arg().Atom()
	plain := func(r rune) bool {
		return r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	if len(id) > 255 || strings.ContainsFunc(id, func(r rune) bool { return !plain(r) }) {
		p.d.Fail("%q is not an object identifier", id)
	}
	return id
}
