package imapd

import (
	"strconv"
	"strings"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// metadataQuery is what GETMETADATA, or LIST with METADATA, asks for.
type metadataQuery struct {
	mailbox string
	entries []store.Annotation // without values
	max     int64              // octets of a value; -1: any
	depth   int                // levels below an entry; -1: all
	longest int                // octets of the largest value that was over max
}

// takeMetadataQuery takes the arguments of GETMETADATA. The grammar of RFC 5464
// §5 has the options before the mailbox, its examples behind; both are taken.
func takeMetadataQuery(d *wire.Decoder) (q metadataQuery, err error) {
	q.max = -1
	d.SP()
	if d.At('(') {
		q.takeOptions(d)
		d.SP()
	}
	q.mailbox = d.Mailbox()
	d.SP()
	if !d.At('(') {
		q.entries = []store.Annotation{takeAnyEntry(d)}
		return q, d.End()
	}
	q.takeEntries(d)
	if len(q.entries) == 0 && d.TakeSP() { // those were options
		if d.At('(') {
			q.takeEntries(d)
		} else {
			q.entries = []store.Annotation{takeAnyEntry(d)}
		}
	}
	if len(q.entries) == 0 {
		d.Fail("expected an entry")
	}
	return q, d.End()
}

// takeEntries takes a list of entries, or of options where it begins with one.
func (q *metadataQuery) takeEntries(d *wire.Decoder) {
	d.List(func() {
		if !d.At('/') && !d.At('"') && !d.At('{') {
			q.takeOption(d)
			return
		}
		if q.entries = append(q.entries, takeAnyEntry(d)); len(q.entries) > maxEntries {
			d.Fail("more than %d entries", maxEntries)
		}
	})
}

func (q *metadataQuery) takeOptions(d *wire.Decoder) { d.List(func() { q.takeOption(d) }) }

func (q *metadataQuery) takeOption(d *wire.Decoder) {
	switch word := d.Word(); word {
	case "MAXSIZE":
		d.SP()
		q.max = d.Number64()
	case "DEPTH":
		d.SP()
		switch value := d.Word(); value {
		case "0":
			q.depth = 0
		case "1":
			q.depth = 1
		case "INFINITY":
			q.depth = -1
		default:
			d.Fail("%q is not a depth", value)
		}
	default:
		d.Fail("%q is not an option of GETMETADATA", word)
	}
}

// takeAnyEntry takes an entry, or /shared or /private for what is below it.
func takeAnyEntry(d *wire.Decoder) store.Annotation {
	name := d.AString()
	a, err := parseEntry(name)
	if err != nil {
		d.Fail("%q is not an entry", name)
	}
	return a
}

// pick gives what is asked for of all there is, each entry once, without values
// larger than q.max. An entry that is asked for by its name alone and is not
// there has no value.
func (q *metadataQuery) pick(all []store.Annotation) (found []store.Annotation) {
	taken := make(map[string]bool)
	take := func(a store.Annotation) {
		key := entryName(a)
		if taken[key] {
			return
		}
		taken[key] = true
		if q.max >= 0 && int64(len(a.Value)) > q.max {
			q.longest = max(q.longest, len(a.Value))
			return
		}
		found = append(found, a)
	}
	for _, want := range q.entries {
		before := len(taken)
		for _, a := range all {
			if q.matches(want, a) {
				take(a)
			}
		}
		if len(taken) == before && q.depth == 0 && want.Entry != "" {
			take(want)
		}
	}
	return found
}

// longEntries is the response code that tells of values left out.
func (q *metadataQuery) longEntries() string {
	return "METADATA LONGENTRIES " + strconv.Itoa(q.longest)
}

func (q *metadataQuery) matches(want, a store.Annotation) bool {
	if want.Shared != a.Shared {
		return false
	}
	if a.Entry == want.Entry {
		return true
	}
	below, ok := strings.CutPrefix(a.Entry, want.Entry+"/")
	return ok && (q.depth < 0 || strings.Count(below, "/") < q.depth)
}
