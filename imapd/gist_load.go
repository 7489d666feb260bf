package imapd

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"slices"
	"strings"

	"posthorn/message"
	"posthorn/store"
)

// of makes sure that the facts of a set are there for all of hits (ascending)
// and calls fn while they are.
func (g *gists) of(ctx context.Context, box messages, v *version, hits []hit, want factSet, fn func(*gists)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trim(v)
	if missing := g.lacking(hits, want); len(missing) > 0 {
		var made []gist
		err := box.Facts(ctx, missing, want.stored(), func(facts []store.Fact) error {
			made = slices.Grow(made[:0], len(facts))[:len(facts)]
			for i := range facts {
				if err := made[i].take(ctx, box, &facts[i], want); err != nil {
					return err
				}
			}
			g.add(made, want)
			return nil
		})
		if err != nil {
			return err
		}
	}
	fn(g)
	return nil
}

// stored is what the store is asked for the facts of a set.
func (f factSet) stored() store.Want {
	want := store.WantIndex
	if f.has(factSent) {
		want |= store.WantSent
	}
	if f&factsOf(factSubject, factLink) != 0 {
		want |= store.WantThreading
	}
	if f&addressFacts != 0 {
		want |= store.WantHeader
	}
	return want
}

// take takes the gist of a message. One whose content cannot be read has that of
// an empty header.
func (g *gist) take(ctx context.Context, box messages, f *store.Fact, want factSet) error {
	*g = gist{uid: f.UID, numbers: [numberFacts]int64{factArrival: f.Internal, factSize: f.Size, factSent: f.Sent}}
	if want&addressFacts != 0 {
		header, err := headerOf(ctx, box, f)
		if err != nil {
			return err
		}
		g.takeAddresses(message.ParseHeader(header), want)
	}
	if want&factsOf(factSubject, factLink) == 0 || f.Threading == nil {
		return nil
	}
	t, err := message.ParseThreading(f.Threading)
	if err != nil {
		return err
	}
	subject := collated(t.Subject)
	g.texts[factSubject-numberFacts] = ordering(subject)
	if want.has(factLink) {
		g.link = makeLink(t, subject)
	}
	return nil
}

// headerOf is a message's header, also where it is too long for the store's
// facts; empty when the content cannot be read.
func headerOf(ctx context.Context, box messages, f *store.Fact) ([]byte, error) {
	if f.Header != nil {
		return f.Header, nil
	}
	msgs, err := box.Messages(ctx, []store.UID{f.UID})
	if err != nil || len(msgs) == 0 {
		return nil, err
	}
	r, err := box.Open(ctx, msgs[0])
	switch {
	case errors.Is(err, store.ErrCorrupt), errors.Is(err, store.ErrExpunged):
		return nil, nil
	case err != nil:
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.NewSectionReader(r, 0, maxHeader))
}

// takeAddresses takes the facts about addresses.
func (g *gist) takeAddresses(h message.Header, want factSet) {
	for _, a := range addressFields {
		if !want.has(a.mailbox) && !want.has(a.display) {
			continue
		}
		first := firstAddress(h.All(a.field))
		g.texts[a.mailbox-numberFacts] = ordering(collated(first.Mailbox))
		if a.display != a.mailbox {
			g.texts[a.display-numberFacts] = ordering(collated(display(first)))
		}
	}
}

// maxOrdering is by how many octets of a text messages are ordered. Of every
// message of a mailbox that is sorted it is kept, and it is the senders who
// choose how long it is.
const maxOrdering = 256

func ordering(text string) string {
	if len(text) > maxOrdering {
		return strings.Clone(text[:maxOrdering]) // the rest is let go of
	}
	return text
}

// addressFacts are those that need a header.
const addressFacts factSet = 1<<factFrom | 1<<factTo | 1<<factCC | 1<<factDisplayFrom | 1<<factDisplayTo

// addressFields are the facts about addresses, by header field.
var addressFields = []struct {
	field            string
	mailbox, display factKind
}{
	{"From", factFrom, factDisplayFrom},
	{"To", factTo, factDisplayTo},
	{"Cc", factCC, factCC}, // RFC 5957 has no display for it
}

// firstAddress is the first address as ENVELOPE has it: a group's start counts
// as one, with the group's name for its mailbox.
func firstAddress(fields []string) message.Address {
	for _, f := range fields {
		if list := message.ParseAddresses(f[:min(len(f), maxAddressField)]); len(list) > 0 {
			return list[0]
		}
	}
	return message.Address{}
}

// maxAddressField is how much of a field is looked at for its first address.
const maxAddressField = 4 << 10

// display is what an address is sorted by when people look at it: its name, or
// the address itself (RFC 5957 §3).
func display(a message.Address) string {
	switch {
	case a.Name != "":
		return message.DecodeWords(a.Name)
	case a.Host != "":
		return a.Mailbox + "@" + a.Host
	}
	return a.Mailbox
}

var linkSeed = maphash.MakeSeed()

// linkHash is never 0.
func linkHash(s string) uint64 { return maphash.String(linkSeed, s) | 1 }

func makeLink(t message.Threading, subject string) link {
	l := link{reply: t.Reply}
	if subject != "" {
		l.subject = linkHash(subject)
	}
	if t.ID != "" {
		l.id = linkHash(t.ID)
	}
	if len(t.References) > 0 {
		l.refs = make([]uint64, len(t.References))
		for i, id := range t.References {
			l.refs[i] = linkHash(id)
		}
	}
	return l
}
