package imapd

import "posthorn/imapd/wire"

// write tells the threads (RFC 5256 §4): a message's only child follows it,
// several follow in parentheses each.
func (t *threads) write(out *wire.Encoder, hits []hit, uid bool) {
	out.Raw("* THREAD")
	if t.first != none {
		out.SP()
	}
	open := []int32{t.first} // of each list of siblings that is being written, the next one
	for len(open) > 0 {
		top := &open[len(open)-1]
		if *top == none {
			if open = open[:len(open)-1]; len(open) > 0 {
				out.Raw(")") // of the thread that they were the end of
			}
			continue
		}
		n := *top
		*top = t.next[n]
		out.Raw("(")
		if siblings := t.writeLine(out, n, hits, uid); siblings != none {
			open = append(open, siblings)
		} else {
			out.Raw(")")
		}
	}
	out.CRLF()
}

// writeLine writes a message and its only child and its only child ..., and
// gives the first of several children at its end.
func (t *threads) writeLine(out *wire.Encoder, n int32, hits []hit, uid bool) (siblings int32) {
	for {
		c := t.child[n]
		if n < t.messages {
			out.Num(int64(hits[n].id(uid)))
			if c != none {
				out.SP()
			}
		}
		if c == none || t.next[c] != none {
			return c
		}
		n = c
	}
}
