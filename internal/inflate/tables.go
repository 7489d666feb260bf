package inflate

import "sync"

// tables are the codes of one dynamic block, and how far their reading has
// come (RFC 1951 §3.2.7).
type tables struct {
	lit, dst code

	literals, distances, lengths int // how many there are of each
	have                         int // read so far, of lengths and then of all
	lengthCode                   bool
	length                       [286 + 30]uint8
}

var dynamics = sync.Pool{New: func() any { return new(tables) }}

// order is that in which the lengths of the code length code come.
var order = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

func (t *tables) begin(literals, distances, lengths int) bool {
	t.literals, t.distances, t.lengths = literals, distances, lengths
	t.have, t.lengthCode = 0, false
	t.length = [len(t.length)]uint8{}
	return literals <= 286 && distances <= 30
}

// read goes on reading, and makes the codes when all is there.
func (t *tables) read(r *Reader) error {
	for !t.lengthCode {
		if t.have == t.lengths {
			if !t.lit.build(t.length[:19]) { // in lit until all are read
				return ErrCorrupt
			}
			t.length = [len(t.length)]uint8{}
			t.have, t.lengthCode = 0, true
			break
		}
		v, ok := r.take(3)
		if !ok {
			return ErrFeed
		}
		t.length[order[t.have]] = uint8(v)
		t.have++
	}
	all := t.literals + t.distances
	for t.have < all {
		r.fill()
		symbol, used := t.lit.find(r.bits)
		if used > r.n || used == 0 && r.n < 15 {
			return ErrFeed
		}
		if used == 0 {
			return ErrCorrupt
		}
		if err := t.repeat(r, symbol, used); err != nil {
			return err
		}
	}
	if t.length[256] == 0 || !t.lit.build(t.length[:t.literals]) || !t.dst.build(t.length[t.literals:all]) {
		return ErrCorrupt
	}
	return nil
}

// repeat enters one length, or several by the symbols 16 to 18.
func (t *tables) repeat(r *Reader, symbol uint16, used uint) error {
	value, times, extra := uint8(symbol), 1, uint(0)
	switch symbol {
	case 16:
		if t.have == 0 {
			return ErrCorrupt
		}
		value, times, extra = t.length[t.have-1], 3, 2
	case 17:
		value, times, extra = 0, 3, 3
	case 18:
		value, times, extra = 0, 11, 7
	}
	if used+extra > r.n {
		return ErrFeed
	}
	times += int(r.bits >> used & (1<<extra - 1))
	if t.have+times > t.literals+t.distances {
		return ErrCorrupt
	}
	r.drop(used + extra)
	for range times {
		t.length[t.have] = value
		t.have++
	}
	return nil
}
