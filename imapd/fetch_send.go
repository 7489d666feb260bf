package imapd

import "posthorn/imapd/wire"

// send writes one FETCH response.
func (f *fetcher) send(m *fetched) {
	out := f.s.out
	f.s.startFetch(m.n, m.row.UID)
	section := 0
	for i, it := range f.items {
		if i > 0 {
			out.SP()
		}
		out.Raw(it.label).SP()
		if it.section == nil {
			it.write(f, m)
			continue
		}
		m.octets[section].write(out, it.size)
		section++
	}
	if m.changed && !f.tells { // RFC 9051 §6.4.5: a change by this FETCH is part of its response
		out.Raw(" FLAGS ")
		f.writeFlags(m)
	}
	out.Raw(")").CRLF()
}

// write writes a section, or its size alone.
func (o octets) write(out *wire.Encoder, sizeOnly bool) {
	switch {
	case sizeOnly:
		out.Num(o.size)
	case o.missing:
		out.Raw("NIL")
	case o.r == nil:
		out.Raw("{").Num(o.size).Raw("}\r\n").Bytes(o.memory)
	case o.literal8:
		out.Raw("~").Literal(o.size, o.r)
	default:
		out.Literal(o.size, o.r)
	}
}

func (f *fetcher) writeUID(m *fetched) { f.s.out.Num(int64(m.row.UID)) }

func (f *fetcher) writeFlags(m *fetched) {
	s := f.s
	s.scratch = f.now.appendFlags(s.scratch[:0], m.row.Flags, s.view.isRecent(m.row.UID))
	s.out.Bytes(s.scratch)
}

func (f *fetcher) writeInternalDate(m *fetched)  { f.s.out.Date(m.fact.Internal, m.fact.Zone) }
func (f *fetcher) writeSize(m *fetched)          { f.s.out.Num(m.fact.Size) }
func (f *fetcher) writeEnvelope(m *fetched)      { f.s.out.Bytes(m.fact.Envelope) }
func (f *fetcher) writeBody(m *fetched)          { f.s.out.Bytes(m.fact.Body) }
func (f *fetcher) writeBodyStructure(m *fetched) { f.s.out.Bytes(m.fact.BodyStructure) }
