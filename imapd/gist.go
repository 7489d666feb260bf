package imapd

import (
	"slices"
	"sort"
	"sync"

	"posthorn/store"
)

// Gists are what SORT and THREAD order messages by. None of it ever changes for
// a message, so it is kept in memory for a mailbox whose messages were ordered
// lately: columns by UID, one for each kind of fact that was asked for, to which
// new messages are added when they are first met. A client that sorts its
// mailbox with each new message makes the server read that message only.

// The kinds of facts. Numbers order as they are, texts are collated.
type factKind uint8

const (
	factArrival factKind = iota // INTERNALDATE, Unix seconds
	factSize                    // octets
	factSent                    // sent date or else INTERNALDATE, Unix seconds
	factFrom                    // addr-mailbox of the first address
	factTo
	factCC
	factDisplayFrom // RFC 5957 §3
	factDisplayTo
	factSubject // base subject
	factLink    // for THREAD

	factRelevancy // of the search, and so in no column (RFC 6203 §5)

	numberFacts = factFrom
	textEnd     = factLink
	textFacts   = textEnd - numberFacts
)

// factSet is a set of kinds.
type factSet uint16

func factsOf(kinds ...factKind) (f factSet) {
	for _, k := range kinds {
		f |= 1 << k
	}
	return f
}

func (f factSet) has(k factKind) bool { return f&(1<<k) != 0 }

// link is what THREAD asks of a message. Ids and subjects are hashes with a
// seed of this process, so that nobody can make two of them meet.
type link struct {
	id      uint64   // of Message-ID; 0 when there is none
	refs    []uint64 // from the oldest to the newest
	subject uint64   // of the collated base subject; 0 when it is empty
	reply   bool     // the subject marks a reply or a forward
}

// gist is the facts of one message, as far as they were asked for.
type gist struct {
	uid     store.UID
	numbers [numberFacts]int64
	texts   [textFacts]string
	link    link
}

// gists are the columns of one mailbox.
type gists struct {
	mu      sync.Mutex // guards what follows; held while facts are read
	numbers [numberFacts]column[int64]
	texts   [textFacts]column[string]
	links   column[link]
	octets  int // about how much memory all of it takes
}

// column is one fact of many messages, by ascending UID.
type column[T any] struct {
	uids   []store.UID
	values []T
}

// walk calls fn for each of hits (ascending) with where its value is, -1 for
// nowhere.
func (c *column[T]) walk(hits []hit, fn func(i, at int)) {
	at := 0
	for i, h := range hits {
		if at < len(c.uids) && c.uids[at] < h.uid {
			rest := c.uids[at:]
			at += sort.Search(len(rest), func(i int) bool { return rest[i] >= h.uid })
		}
		if at == len(c.uids) || c.uids[at] != h.uid {
			fn(i, -1)
			continue
		}
		fn(i, at)
		at++
	}
}

// of gives the values of hits, zero for messages it does not have.
func (c *column[T]) of(hits []hit) []T {
	values := make([]T, len(hits))
	c.walk(hits, func(i, at int) {
		if at >= 0 {
			values[i] = c.values[at]
		}
	})
	return values
}

// lacks adds to missing those of hits that it does not have.
func (c *column[T]) lacks(hits []hit, missing []store.UID) []store.UID {
	c.walk(hits, func(i, at int) {
		if at < 0 {
			missing = append(missing, hits[i].uid)
		}
	})
	return missing
}

// add takes in messages in ascending order. What it has already stays.
func (c *column[T]) add(new []gist, value func(*gist) T) {
	old := *c
	if n := len(old.uids); n == 0 || len(new) > 0 && new[0].uid > old.uids[n-1] {
		for i := range new {
			c.uids, c.values = append(c.uids, new[i].uid), append(c.values, value(&new[i]))
		}
		return
	}
	c.uids, c.values = make([]store.UID, 0, len(old.uids)+len(new)), make([]T, 0, len(old.uids)+len(new))
	for len(old.uids) > 0 || len(new) > 0 {
		if len(new) == 0 || len(old.uids) > 0 && old.uids[0] <= new[0].uid {
			if len(new) > 0 && old.uids[0] == new[0].uid {
				new = new[1:]
			}
			c.uids, c.values = append(c.uids, old.uids[0]), append(c.values, old.values[0])
			old.uids, old.values = old.uids[1:], old.values[1:]
			continue
		}
		c.uids, c.values = append(c.uids, new[0].uid), append(c.values, value(&new[0]))
		new = new[1:]
	}
}

// lacking is the UIDs of hits for which some fact of the set is missing.
func (g *gists) lacking(hits []hit, want factSet) (missing []store.UID) {
	for k := range numberFacts {
		if want.has(k) {
			missing = g.numbers[k].lacks(hits, missing)
		}
	}
	for k := numberFacts; k < textEnd; k++ {
		if want.has(k) {
			missing = g.texts[k-numberFacts].lacks(hits, missing)
		}
	}
	if want.has(factLink) {
		missing = g.links.lacks(hits, missing)
	}
	slices.Sort(missing)
	return slices.Compact(missing)
}

// add takes in the facts of a set of messages, in ascending order.
func (g *gists) add(new []gist, want factSet) {
	for k := range numberFacts {
		if want.has(k) {
			g.numbers[k].add(new, func(m *gist) int64 { return m.numbers[k] })
			g.octets += 12 * len(new)
		}
	}
	for k := numberFacts; k < textEnd; k++ {
		if want.has(k) {
			g.texts[k-numberFacts].add(new, func(m *gist) string { return m.texts[k-numberFacts] })
			for i := range new {
				g.octets += 20 + len(new[i].texts[k-numberFacts])
			}
		}
	}
	if want.has(factLink) {
		g.links.add(new, func(m *gist) link { return m.link })
		for i := range new {
			g.octets += 52 + 8*len(new[i].link.refs)
		}
	}
}

// trim forgets everything when most of it is of messages that are gone.
func (g *gists) trim(v *version) {
	most := len(g.links.uids)
	for k := range g.numbers {
		most = max(most, len(g.numbers[k].uids))
	}
	for k := range g.texts {
		most = max(most, len(g.texts[k].uids))
	}
	if most > 2*int(v.count)+1024 {
		g.numbers, g.texts, g.links, g.octets = [numberFacts]column[int64]{}, [textFacts]column[string]{}, column[link]{}, 0
	}
}
