package imapd

import (
	"context"
	"slices"
)

// sort is SORT and UID SORT (RFC 5256), with RETURN as ESORT has it (RFC 5267
// §3).
func (s *session) sort(c *call) error {
	c.dec.SP()
	p := parser{d: c.dec, utf8: s.utf8}
	want := results{all: true}
	if !c.dec.At('(') {
		if word := c.dec.Word(); word != "RETURN" {
			c.dec.Fail("expected RETURN or a list of sort keys, not %s", word)
		}
		want = p.results()
		c.dec.SP()
	}
	by := p.criteriaList()
	c.dec.SP()
	p.setCharset(c.dec.AString())
	c.dec.SP()
	key := p.criteria(p.word())
	found, err := s.find(c, &p, want, key, by)
	if err != nil {
		return err
	}
	switch {
	case !want.given:
		s.writeHits("SORT", c.uid(), found)
	case !want.silent():
		s.writeExtended(c, nil, want, found)
	}
	return nil
}

// order gives hits of the selected mailbox (ascending) in the order asked for.
func (s *session) order(ctx context.Context, found []hit, by []criterion) ([]hit, error) {
	var want factSet
	for _, b := range by {
		want |= factsOf(b.fact)
	}
	kept := s.srv.gists.take(s.view.box.id)
	defer s.srv.gists.put(kept)
	var sorted []hit
	err := kept.of(ctx, s.view.box, s.view.seen, found, want, func(g *gists) { sorted = g.sort(found, by) })
	return sorted, err
}

// ranked is a hit's first rank and where it stood.
type ranked struct {
	rank int64
	at   int32
}

// sort gives hits in the order of the criteria; those which are alike in all
// of them stay in the order of their numbers, whatever REVERSE was said
// (RFC 5256 §3).
func (g *gists) sort(hits []hit, by []criterion) []hit {
	ranks := make([][]int64, len(by))
	for i, b := range by {
		ranks[i] = g.ranks(hits, b)
	}
	places := make([]ranked, len(hits))
	for i := range hits {
		places[i] = ranked{ranks[0][i], int32(i)}
	}
	slices.SortFunc(places, func(a, b ranked) int {
		switch {
		case a.rank < b.rank:
			return -1
		case a.rank > b.rank:
			return 1
		}
		for _, r := range ranks[1:] {
			if x, y := r[a.at], r[b.at]; x < y {
				return -1
			} else if x > y {
				return 1
			}
		}
		return int(a.at - b.at)
	})
	sorted := make([]hit, len(hits))
	for i, p := range places {
		sorted[i] = hits[p.at]
	}
	return sorted
}

// ranks gives a number for each hit that orders them by one criterion. The
// complement turns the order round and cannot overflow.
func (g *gists) ranks(hits []hit, by criterion) []int64 {
	var ranks []int64
	switch {
	case by.fact == factRelevancy:
		ranks = byRelevancy(hits)
	case by.fact < numberFacts:
		ranks = g.numbers[by.fact].of(hits)
	default:
		ranks = rankTexts(g.texts[by.fact-numberFacts].of(hits))
	}
	if by.reverse {
		for i := range ranks {
			ranks[i] = ^ranks[i]
		}
	}
	return ranks
}

// rankTexts numbers texts in their order; equal ones have the same number.
func rankTexts(texts []string) []int64 {
	order := make([]int32, len(texts))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		switch x, y := texts[a], texts[b]; {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	ranks := make([]int64, len(texts))
	rank := int64(0)
	for i, at := range order {
		if i > 0 && texts[at] != texts[order[i-1]] {
			rank++
		}
		ranks[at] = rank
	}
	return ranks
}
