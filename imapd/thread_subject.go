package imapd

// orderedSubject is ORDEREDSUBJECT (RFC 5256 §3): messages of one base subject
// are a thread; all are children of the one that was sent first.
func (g *gists) orderedSubject(hits []hit) *threads {
	links, order := g.links.of(hits), bySent(g.numbers[factSent].of(hits))
	parent := filled(len(hits))
	first := make(map[uint64]int32, len(hits))
	for _, n := range order {
		if root, ok := first[links[n].subject]; ok {
			parent[n] = root
		} else {
			first[links[n].subject] = n
		}
	}
	return plant(parent, order, len(hits))
}
