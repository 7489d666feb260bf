package inflate

import (
	"math/bits"
	"sync"
)

// fastBits is how long a code may be to be found with one look.
const fastBits = 10

// code is a Huffman code (RFC 1951 §3.2.2).
type code struct {
	fast    [1 << fastBits]uint16 // by the next bits: symbol<<4 | length, or 0
	count   [16]uint16            // codes of each length
	symbols [288]uint16           // in the order of their codes
}

// build makes the code in which symbol i has lengths[i] bits, 0 for none. A
// code that leaves bit strings without a symbol is taken in one case only, as
// everyone takes it: no symbol, or a single one of one bit.
func (c *code) build(lengths []uint8) bool {
	c.count = [16]uint16{}
	for _, n := range lengths {
		c.count[n]++
	}
	used := len(lengths) - int(c.count[0])
	c.count[0] = 0
	var at, next [16]uint16 // index into symbols, and code, of the next of each length
	left := 1
	for n := 1; n < 16; n++ {
		left = left<<1 - int(c.count[n])
		if left < 0 {
			return false
		}
		at[n] = at[n-1] + c.count[n-1]
		next[n] = (next[n-1] + c.count[n-1]) << 1
	}
	if left > 0 && (used > 1 || used == 1 && c.count[1] != 1) {
		return false
	}
	clear(c.fast[:])
	for i, n := range lengths {
		if n == 0 {
			continue
		}
		c.symbols[at[n]] = uint16(i)
		at[n]++
		if n <= fastBits {
			first := bits.Reverse16(next[n]) >> (16 - n)
			for j := int(first); j < len(c.fast); j += 1 << n {
				c.fast[j] = uint16(i)<<4 | uint16(n)
			}
		}
		next[n]++
	}
	return true
}

// find gives the symbol that b begins with and its length in bits, 0 where
// there is none.
func (c *code) find(b uint64) (symbol uint16, length uint) {
	if e := c.fast[b&(1<<fastBits-1)]; e != 0 {
		return e >> 4, uint(e & 15)
	}
	first, index, value := 0, 0, 0
	for n := uint(1); n < 16; n++ {
		value |= int(b & 1)
		b >>= 1
		k := int(c.count[n])
		if value-first < k {
			return c.symbols[index+value-first], n
		}
		index += k
		first = (first + k) << 1
		value <<= 1
	}
	return 0, 0
}

// fixed are the codes of RFC 1951 §3.2.6.
var fixed = sync.OnceValues(func() (lit, dst *code) {
	lit, dst = new(code), new(code)
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	lit.build(lengths[:])
	for i := range 30 {
		lengths[i] = 5
	}
	// 30 and 31 have a code and no meaning.
	lengths[30], lengths[31] = 5, 5
	dst.build(lengths[:32])
	return lit, dst
})

// base and extra bits of lengths (symbols from 257) and distances
// (RFC 1951 §3.2.5).
var (
	lengthBase  = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	dstBase     = [30]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	dstExtra    = [30]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

// codes gives out a compressed block. A literal, or a match with its distance
// (48 bits at most), is taken whole or not at all.
func (r *Reader) codes() error {
	for r.w+maxMatch <= bufferSize {
		r.fill()
		symbol, used := r.lit.find(r.bits)
		switch {
		case used > r.n || used == 0 && r.n < 15:
			return ErrFeed
		case used == 0 || symbol > 285:
			return ErrCorrupt
		case symbol < 256:
			r.buf[r.w] = byte(symbol)
			r.w++
			r.drop(used)
			continue
		case symbol == 256:
			r.drop(used)
			r.endBlock()
			return nil
		}
		if err := r.match(symbol-257, used); err != nil {
			return err
		}
	}
	return errFull
}

// match copies from the history; the length's symbol took used bits.
func (r *Reader) match(symbol uint16, used uint) error {
	b := r.bits >> used
	extra := uint(lengthExtra[symbol])
	length := int(lengthBase[symbol]) + int(b&(1<<extra-1))
	b >>= extra
	used += extra

	symbol, k := r.dst.find(b)
	switch {
	case used+k > r.n || k == 0 && r.n < used+15:
		return ErrFeed
	case k == 0 || symbol > 29:
		return ErrCorrupt
	}
	b >>= k
	extra = uint(dstExtra[symbol])
	distance := int(dstBase[symbol]) + int(b&(1<<extra-1))
	if used += k + extra; used > r.n {
		return ErrFeed
	}
	if distance > r.w {
		return ErrCorrupt
	}
	r.drop(used)
	from, to := r.w-distance, r.w
	r.w += length
	for to < r.w { // what was just written may be copied again
		to += copy(r.buf[to:r.w], r.buf[from:to])
	}
	return nil
}
