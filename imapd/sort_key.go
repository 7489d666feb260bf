package imapd

// criterion is one sort key.
type criterion struct {
	fact    factKind
	reverse bool
}

// sortKeys are the facts behind the sort keys (RFC 5256 §3, RFC 5957 §4).
var sortKeys = map[string]factKind{
	"ARRIVAL":     factArrival,
	"CC":          factCC,
	"DATE":        factSent,
	"FROM":        factFrom,
	"SIZE":        factSize,
	"SUBJECT":     factSubject,
	"TO":          factTo,
	"DISPLAYFROM": factDisplayFrom,
	"DISPLAYTO":   factDisplayTo,
	"RELEVANCY":   factRelevancy, // the best first (RFC 6203 §5)
}

// criteriaList takes the list of sort keys. REVERSE belongs to the key behind
// it alone. A key that was there already decides nothing any more and is
// dropped, so that the list is never long.
func (p *parser) criteriaList() []criterion {
	var list []criterion
	var given factSet
	p.d.List(func() {
		word := p.d.Word()
		reverse := word == "REVERSE"
		if reverse {
			p.d.SP()
			word = p.d.Word()
		}
		fact, ok := sortKeys[word]
		if !ok {
			p.d.Fail("there is no sort key %s", word)
			return
		}
		p.needsRank = p.needsRank || fact == factRelevancy
		if !given.has(fact) {
			given |= factsOf(fact)
			list = append(list, criterion{fact, reverse})
		}
	})
	if len(list) == 0 {
		p.d.Fail("expected a sort key")
	}
	return list
}
