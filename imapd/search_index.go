package imapd

import (
	"bytes"
	"context"
	"strings"

	"posthorn/message"
	"posthorn/store"
)

// Bounds of what the search index is asked. Fewer messages than askedFrom are
// looked at sooner than a lexicon; keys beyond maxAsked are judged without the
// index, since each answer takes room.
const (
	askedFrom = 50
	maxAsked  = 64
)

// textual is a key that the search index may know something about.
type textual interface {
	node
	// asks is the query for the index. When sure, what it finds is the answer;
	// else the message must be looked at. What it does not find never is.
	asks() (q store.TextQuery, sure bool)
}

// indexed is a key with the answer of the index.
type indexed struct {
	node
	answer store.TextAnswer
	sure   bool
}

func (k indexed) judge(m *candidate) verdict {
	switch v := k.answer.Of(m.row.UID); {
	case v == store.TextAbsent:
		return fails
	case v == store.TextPresent && k.sure:
		return holds
	case m.level == needRow:
		return unknown
	}
	return k.node.judge(m)
}

// askIndex asks the search index about every textual key, when enough messages
// are left that the view alone cannot judge.
func (f *finder) askIndex(ctx context.Context) error {
	keys := textualKeys(f.key, nil)
	if len(keys) == 0 || !f.undecided(askedFrom) {
		return nil
	}
	keys = keys[:min(len(keys), maxAsked)]
	queries := make([]store.TextQuery, len(keys))
	for i, k := range keys {
		queries[i], _ = k.asks()
	}
	answers, err := f.box.FindText(ctx, queries)
	if err != nil {
		return err
	}
	f.key = withAnswers(f.key, &answers)
	return nil
}

// undecided tells whether at least so many messages are unknown.
func (f *finder) undecided(n int) bool {
	f.seen.each(f.numbers(), func(number uint32, r store.Row) bool {
		m := candidate{n: number, row: r}
		if f.key.judge(&m) == unknown {
			n--
		}
		return n > 0
	})
	return n <= 0
}

// textualKeys are the textual keys of a program, in its order.
func textualKeys(n node, keys []textual) []textual {
	switch n := n.(type) {
	case and:
		for _, k := range n {
			keys = textualKeys(k, keys)
		}
	case or:
		for _, k := range n {
			keys = textualKeys(k, keys)
		}
	case not:
		keys = textualKeys(n.node, keys)
	case textual:
		keys = append(keys, n)
	}
	return keys
}

// withAnswers gives the answers to the keys, in the order of textualKeys, as far
// as there are any.
func withAnswers(n node, answers *[]store.TextAnswer) node {
	each := func(nodes []node) []node {
		out := make([]node, len(nodes))
		for i, k := range nodes {
			out[i] = withAnswers(k, answers)
		}
		return out
	}
	switch n := n.(type) {
	case and:
		return and(each(n))
	case or:
		return or(each(n))
	case not:
		return not{withAnswers(n.node, answers)}
	case textual:
		if len(*answers) > 0 {
			_, sure := n.asks()
			k := indexed{n, (*answers)[0], sure}
			*answers = (*answers)[1:]
			return k
		}
	}
	return n
}

// textKey looks for text in header and body: the two are known of each.
func textKey(text []byte) node { return or{headKey{text}, bodyKey{text}} }

// bodyKey looks for text, folded, in the body.
type bodyKey struct{ text []byte }

func (k bodyKey) judge(m *candidate) verdict {
	switch {
	case len(k.text) == 0:
		return holds
	case m.level < needContent:
		return unknown
	}
	return verdictOf(bytes.Contains(m.body(), k.text))
}

func (bodyKey) needs() need { return needContent }

func (k bodyKey) asks() (store.TextQuery, bool) {
	return store.TextQuery{Field: store.TextBody, Text: string(k.text)}, true
}

// headKey looks for text, folded, anywhere in the header.
type headKey struct{ text []byte }

func (k headKey) judge(m *candidate) verdict { return m.headHolds(k.text) }
func (headKey) needs() need                  { return needDigest }

func (k headKey) asks() (store.TextQuery, bool) {
	return store.TextQuery{Field: store.TextHeader, Text: string(k.text)}, true
}

// fieldKey looks for text, folded, in the header fields of a name. Without text
// it asks whether there is such a field.
type fieldKey struct {
	name string
	text []byte
}

func (k fieldKey) judge(m *candidate) verdict {
	h, ok := m.head()
	if !ok {
		return unknown
	}
	for _, f := range h.Fields() {
		if strings.EqualFold(f.Name, k.name) && (len(k.text) == 0 || bytes.Contains(message.AppendFieldText(nil, f), k.text)) {
			return holds
		}
	}
	return fails
}

func (fieldKey) needs() need { return needDigest }

// indexedFields are the header fields that the index knows by themselves.
var indexedFields = map[string]store.TextField{
	"subject": store.TextSubject, "from": store.TextFrom, "to": store.TextTo, "cc": store.TextCC, "bcc": store.TextBCC,
}

// Of any other field the index knows that the whole header does not hold the
// text, or not the name.
func (k fieldKey) asks() (store.TextQuery, bool) {
	name := strings.ToLower(k.name)
	if len(k.text) == 0 {
		return store.TextQuery{Field: store.TextHeader, Text: name + ":"}, false
	}
	if field, ok := indexedFields[name]; ok {
		return store.TextQuery{Field: field, Text: string(k.text)}, true
	}
	return store.TextQuery{Field: store.TextHeader, Text: string(k.text)}, false
}
