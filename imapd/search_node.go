package imapd

import (
	"slices"
	"time"

	"posthorn/imapd/wire"
	"posthorn/message"
	"posthorn/store"
)

// verdict is what is known about a message at some level of need: a key that
// would need more says unknown. Taken as numbers, AND is the least, OR the
// greatest, NOT the negation, so that `UNSEEN BODY x` opens no seen message.
type verdict int8

const (
	fails verdict = iota - 1
	unknown
	holds
)

func verdictOf(b bool) verdict {
	if b {
		return holds
	}
	return fails
}

// node is a search key, or keys put together.
type node interface {
	judge(m *candidate) verdict
	needs() need // the most it may need
}

type constant verdict

func (c constant) judge(*candidate) verdict { return verdict(c) }
func (constant) needs() need                { return needRow }

type and []node

func (a and) judge(m *candidate) verdict {
	v := holds
	for _, k := range a {
		if v = min(v, k.judge(m)); v == fails {
			break
		}
	}
	return v
}

func (a and) needs() need { return most(a) }

type or []node

func (o or) judge(m *candidate) verdict {
	v := fails
	for _, k := range o {
		if v = max(v, k.judge(m)); v == holds {
			break
		}
	}
	return v
}

func (o or) needs() need { return most(o) }

func most(nodes []node) (n need) {
	for _, k := range nodes {
		n = max(n, k.needs())
	}
	return n
}

type not struct{ node }

func (n not) judge(m *candidate) verdict { return -n.node.judge(m) }

// viewKey is a key that means something in one mailbox as one client knows it
// only: numbers, "$", keywords, \Recent. It is no key before it is bound.
type viewKey func(v *view) node

func (viewKey) judge(*candidate) verdict { panic(errUnbound) }
func (viewKey) needs() need              { return needRow }

const errUnbound = "a search key was not bound to a mailbox"

// numbersKey is a key of message numbers, or of "$". Those that are not there
// match nothing: in a search nobody is harmed by a set that is too large.
type numbersKey struct{ set wire.Set }

func (numbersKey) judge(*candidate) verdict { panic(errUnbound) }
func (numbersKey) needs() need              { return needRow }

func (k numbersKey) bind(v *view) node {
	ranges := v.numbers(v.saved)
	if !k.set.Saved {
		ranges = k.set.Resolve(v.seen.count)
	}
	return rangesKey(ranges)
}

// rangesKey is message numbers of one view, ascending and disjoint.
type rangesKey []wire.Range

func (k rangesKey) judge(m *candidate) verdict { return verdictOf(within(k, m.n)) }
func (rangesKey) needs() need                  { return needRow }

// narrow gives those of the messages that a bound key can hold for, as far as it
// says so by numbers or UIDs.
func narrow(n node, numbers []wire.Range) []wire.Range {
	switch n := n.(type) {
	case and:
		for _, k := range n {
			numbers = narrow(k, numbers)
		}
	case constant:
		if verdict(n) == fails {
			return []wire.Range{}
		}
	case rangesKey:
		numbers = intersect(numbers, n)
	}
	return numbers
}

// intersect gives what lies in both of two lists of ranges, ascending and
// disjoint all; it is never nil.
func intersect(a, b []wire.Range) []wire.Range {
	out := []wire.Range{}
	for len(a) > 0 && len(b) > 0 {
		if r := (wire.Range{A: max(a[0].A, b[0].A), B: min(a[0].B, b[0].B)}); r.A <= r.B {
			out = append(out, r)
		}
		if a[0].B < b[0].B {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return out
}

// fix is the key with message numbers and "$" as they are meant now, by UID; a
// range to "*" stays open.
func (k numbersKey) fix(v *view) node {
	var ranges []wire.Range
	if k.set.Saved {
		ranges = wire.Compact(slices.Clone(v.saved))
	}
	for _, r := range k.set.Ranges {
		open := (r.A == 0) != (r.B == 0)
		for _, r := range (wire.Set{Ranges: []wire.Range{r}}).Resolve(v.seen.count) {
			if r.A = max(r.A, 1); r.A > v.seen.count {
				continue
			}
			r.A, r.B = uint32(v.seen.row(r.A).UID), uint32(v.seen.row(min(r.B, v.seen.count)).UID)
			if open {
				r.B = 1<<32 - 1
			}
			ranges = append(ranges, r)
		}
	}
	if len(ranges) == 0 {
		return constant(fails)
	}
	ranges = wire.Set{Ranges: ranges}.Resolve(1<<32 - 1)
	return rowKey(func(_ uint32, r store.Row) bool { return within(ranges, uint32(r.UID)) })
}

// bind gives the key as it is meant in a view.
func bind(n node, v *view) node {
	switch n := n.(type) {
	case and:
		return and(bindAll(n, v))
	case or:
		return or(bindAll(n, v))
	case not:
		return not{bind(n.node, v)}
	case viewKey:
		return n(v)
	case numbersKey:
		return n.bind(v)
	}
	return n
}

// fix gives the key with its message numbers fixed, to be bound later.
func fix(n node, v *view) node {
	switch n := n.(type) {
	case and:
		return and(fixAll(n, v))
	case or:
		return or(fixAll(n, v))
	case not:
		return not{fix(n.node, v)}
	case numbersKey:
		return n.fix(v)
	}
	return n
}

func bindAll(nodes []node, v *view) []node {
	bound := make([]node, len(nodes))
	for i, n := range nodes {
		bound[i] = bind(n, v)
	}
	return bound
}

func fixAll(nodes []node, v *view) []node {
	fixed := make([]node, len(nodes))
	for i, n := range nodes {
		fixed[i] = fix(n, v)
	}
	return fixed
}

// rowKey is judged by the view alone.
type rowKey func(n uint32, r store.Row) bool

func (k rowKey) judge(m *candidate) verdict { return verdictOf(k(m.n, m.row)) }
func (rowKey) needs() need                  { return needRow }

// flagKey asks for the state of some flags.
type flagKey struct{ mask, want store.Flags }

func (k flagKey) judge(m *candidate) verdict { return verdictOf(m.row.Flags&k.mask == k.want) }
func (flagKey) needs() need                  { return needRow }

// sizeKey is judged by RFC822.SIZE.
type sizeKey func(size int64) bool

func (k sizeKey) judge(m *candidate) verdict {
	if m.level < needMessage {
		return unknown
	}
	return verdictOf(k(m.msg.Size))
}

func (sizeKey) needs() need { return needMessage }

// internalKey is judged by INTERNALDATE.
type internalKey func(time.Time) bool

func (k internalKey) judge(m *candidate) verdict {
	if m.level < needMessage {
		return unknown
	}
	return verdictOf(k(m.msg.Internal))
}

func (internalKey) needs() need { return needMessage }

// sentKey is judged by the Date field. A message without a date was sent on no
// day.
type sentKey func(time.Time) bool

func (k sentKey) judge(m *candidate) verdict {
	h, ok := m.head()
	if !ok {
		return unknown
	}
	t, ok := message.ParseDate(h.Get("Date"))
	return verdictOf(ok && k(t))
}

func (sentKey) needs() need { return needDigest }
