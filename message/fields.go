package message

import "strings"

// listFields are the fields that mail programs make their lists of, sort and
// filter by, in lower case. With those that begin with "content-" and "list-"
// they are a fraction of a header, most of which is trace fields and signatures.
var listFields = map[string]bool{
	"from": true, "sender": true, "reply-to": true, "to": true, "cc": true, "bcc": true, "newsgroups": true,
	"date": true, "subject": true, "message-id": true, "in-reply-to": true, "references": true,
	"priority": true, "x-priority": true, "importance": true, "x-label": true, "lines": true, "mime-version": true,
	"disposition-notification-to": true, "x-draft-info": true, "x-original-to": true, "delivered-to": true,
	"x-mozilla-draft-info": true, "x-uniform-type-identifier": true, "x-universally-unique-identifier": true,
}

// IsListField tells whether a field, named in any case of letters, is among
// those that AppendListFields keeps.
func IsListField(name string) bool {
	name = strings.ToLower(name)
	return listFields[name] || strings.HasPrefix(name, "content-") || strings.HasPrefix(name, "list-")
}

// AppendListFields appends those fields of the header section in b, and an empty
// line: AppendFields gives the same of it as of b for names that are IsListField.
func AppendListFields(out, b []byte) []byte {
	return appendIf(out, b, func(name []byte) bool { return IsListField(string(name)) })
}
