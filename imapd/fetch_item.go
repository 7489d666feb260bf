package imapd

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"posthorn/imapd/wire"
	"posthorn/message"
	"posthorn/store"
)

// need says how far FETCH and SEARCH have to reach for an answer. Each level
// has all that the ones before it have.
type need uint8

const (
	needRow     need = iota // the view's row: UID and flags
	needMessage             // the index: size and dates
	needDigest              // the derived file: envelope, structure, header
	needContent             // the message's own octets
)

// fetchKind is a row of the table of data items.
type fetchKind struct {
	need  need
	want  store.Want                   // the facts it is made of
	write func(f *fetcher, m *fetched) // nil for items with a section
	// fixed is the section of an RFC822 item.
	fixed *section
	seen  bool // \Seen is set by it
}

var fetchKinds = map[string]fetchKind{
	"UID":           {need: needRow, write: (*fetcher).writeUID},
	"FLAGS":         {need: needRow, write: (*fetcher).writeFlags},
	"MODSEQ":        {need: needRow, write: (*fetcher).writeModSeq},
	"INTERNALDATE":  {need: needMessage, want: store.WantIndex, write: (*fetcher).writeInternalDate},
	"RFC822.SIZE":   {need: needMessage, want: store.WantIndex, write: (*fetcher).writeSize},
	"EMAILID":       {need: needMessage, want: store.WantIndex, write: (*fetcher).writeEmailID},
	"THREADID":      {need: needMessage, want: store.WantIndex, write: (*fetcher).writeThreadID},
	"SAVEDATE":      {need: needMessage, want: store.WantIndex, write: (*fetcher).writeSaveDate},
	"ENVELOPE":      {need: needDigest, want: store.WantEnvelope, write: (*fetcher).writeEnvelope},
	"BODY":          {need: needDigest, want: store.WantBody, write: (*fetcher).writeBody},
	"BODYSTRUCTURE": {need: needDigest, want: store.WantStructure, write: (*fetcher).writeBodyStructure},
	"PREVIEW":       {need: needDigest, want: store.WantPreview, write: (*fetcher).writePreview},
	"RFC822":        {need: needContent, fixed: &section{}, seen: true},
	"RFC822.HEADER": {need: needDigest, want: store.WantHeader, fixed: &section{text: "HEADER"}},
	"RFC822.TEXT":   {need: needContent, want: store.WantBody, fixed: &section{text: "TEXT"}, seen: true},
}

// fetchItem is one item as it was asked for.
type fetchItem struct {
	fetchKind
	label string // what the response calls it
	*section
}

// section is what stands between the brackets and behind them (RFC 9051
// §6.4.5.1).
type section struct {
	path    []int
	text    string   // "", HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or MIME
	fields  []string // of HEADER.FIELDS and HEADER.FIELDS.NOT
	list    bool     // the fields are all list fields
	partial bool
	offset  int64
	length  int64
	binary  bool // the transfer encoding is taken off (RFC 9051, BINARY)
	size    bool // only the size of that is asked for
}

// whole says whether the section is the whole message.
func (sec *section) whole() bool { return sec != nil && len(sec.path) == 0 && sec.text == "" }

// takeFetchItem takes the rest of an item whose name was taken.
func takeFetchItem(d *wire.Decoder, name string) fetchItem {
	if !d.At('[') {
		kind, ok := fetchKinds[name]
		if !ok {
			d.Fail("there is no FETCH item %s", name)
		}
		if name == "PREVIEW" {
			takePreview(d)
		}
		return fetchItem{fetchKind: kind, label: name, section: kind.fixed}
	}
	base, peek := strings.CutSuffix(name, ".PEEK")
	sec := &section{}
	switch {
	case base == "BODY":
	case base == "BINARY":
		sec.binary = true
	case name == "BINARY.SIZE":
		sec.binary, sec.size, peek = true, true, true
	default:
		d.Fail("there is no FETCH item %s[]", name)
	}
	d.Need('[')
	sec.take(d)
	d.Need(']')
	if !sec.size {
		sec.takePartial(d)
	}
	it := fetchItem{fetchKind: fetchKind{need: needContent, seen: !peek}, section: sec}
	if strings.HasPrefix(sec.text, "HEADER") && len(sec.path) == 0 {
		it.need, it.want = needDigest, store.WantHeader
		if sec.list = sec.ofList(); sec.list {
			it.want = store.WantFields
		}
	} else if !sec.whole() {
		it.want = store.WantBody
	}
	it.label = base + sec.label()
	return it
}

// ofList says whether a section is made of fields that are kept apart from the
// others, as those are that programs ask for to make a list.
func (sec *section) ofList() bool {
	return sec.text == "HEADER.FIELDS" && !slices.ContainsFunc(sec.fields, func(name string) bool { return !message.IsListField(name) })
}

// take takes what stands between the brackets.
func (sec *section) take(d *wire.Decoder) {
	if d.At(']') {
		return
	}
	words := strings.Split(d.SectionWord(), ".")
	for len(words) > 0 && words[0] != "" && words[0][0] >= '0' && words[0][0] <= '9' {
		n, err := strconv.ParseUint(words[0], 10, 31)
		if err != nil || n == 0 {
			d.Fail("%s is not a part number", words[0])
			return
		}
		sec.path = append(sec.path, int(n))
		words = words[1:]
	}
	sec.text = strings.Join(words, ".")
	switch sec.text {
	case "HEADER.FIELDS", "HEADER.FIELDS.NOT":
		d.SP()
		d.List(func() { sec.fields = append(sec.fields, takeFieldName(d)) })
		if len(sec.fields) == 0 {
			d.Fail("expected a field name")
		}
	case "HEADER", "TEXT":
	case "MIME":
		if len(sec.path) == 0 {
			d.Fail("MIME needs a part number")
		}
	default:
		if len(words) > 0 {
			d.Fail("there is no section %s", sec.text)
		}
	}
	if sec.binary && sec.text != "" {
		d.Fail("BINARY takes a part number only")
	}
}

// takeFieldName takes a header field's name: RFC 5322 §2.2 allows printable
// octets without the colon.
func takeFieldName(d *wire.Decoder) string {
	name := d.AString()
	ok := name != ""
	for i := 0; i < len(name); i++ {
		ok = ok && name[i] > ' ' && name[i] < 0x7f && name[i] != ':'
	}
	if !ok {
		d.Fail("%q is not the name of a header field", name)
	}
	return name
}

func (sec *section) takePartial(d *wire.Decoder) {
	if !d.Take('<') {
		return
	}
	sec.partial = true
	sec.offset = d.Number64()
	d.Need('.')
	if sec.length = d.Number64(); sec.length == 0 {
		d.Fail("a part of zero octets")
	}
	d.Need('>')
}

// label is the section as the response names it (RFC 9051 §9, section and the
// origin octet).
func (sec *section) label() string {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, n := range sec.path {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.Itoa(n))
	}
	if len(sec.path) > 0 && sec.text != "" {
		b.WriteByte('.')
	}
	b.WriteString(sec.text)
	if len(sec.fields) > 0 {
		b.WriteString(" (")
		for i, name := range sec.fields {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(astring(name))
		}
		b.WriteByte(')')
	}
	b.WriteByte(']')
	if sec.partial {
		b.WriteByte('<')
		b.WriteString(strconv.FormatInt(sec.offset, 10))
		b.WriteByte('>')
	}
	return b.String()
}

// astring writes a field name, quoted where an atom cannot hold it.
func astring(name string) string {
	if !strings.ContainsAny(name, `(){%*"\[]`) {
		return name
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}
