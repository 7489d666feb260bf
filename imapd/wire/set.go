package wire

import (
	"slices"
	"strconv"
)

// Range is numbers from A to B, in either order; 0 stands for "*", the
// largest number in use.
type Range struct{ A, B uint32 }

// Set is a sequence set of message numbers or UIDs as the client wrote it.
// Saved means "$", the result of the last SEARCH RETURN (SAVE) (RFC 9051
// §6.4.4.1).
type Set struct {
	Ranges []Range
	Saved  bool
}

// Set takes a sequence set.
func (d *Decoder) Set() (s Set) {
	if d.Take('$') {
		s.Saved = true
		return s
	}
	for {
		r := Range{A: d.setNumber()}
		r.B = r.A
		if d.Take(':') {
			r.B = d.setNumber()
		}
		s.Ranges = append(s.Ranges, r)
		if !d.Take(',') {
			return s
		}
	}
}

// Numbers takes a sequence set that can only mean message numbers; what may be
// UIDs is taken by Set. ErrNumbers when UIDOnly.
func (d *Decoder) Numbers() Set {
	s := d.Set()
	if d.UIDOnly && !s.Saved && d.err == nil {
		d.err = ErrNumbers
	}
	return s
}

func (d *Decoder) setNumber() uint32 {
	if d.Take('*') {
		return 0
	}
	n := d.Number32()
	if n == 0 {
		d.Fail("zero is not a message number")
	}
	return n
}

// Resolve gives the ranges with "*" replaced by max, each in order, ascending
// and disjoint. `n:*` always holds max, even where n is greater (RFC 9051
// §9, seq-range).
func (s Set) Resolve(max uint32) []Range {
	out := make([]Range, 0, len(s.Ranges))
	for _, r := range s.Ranges {
		if r.A == 0 {
			r.A = max
		}
		if r.B == 0 {
			r.B = max
		}
		if r.A > r.B {
			r.A, r.B = r.B, r.A
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Range) int {
		if a.A != b.A {
			return int(int64(a.A) - int64(b.A))
		}
		return int(int64(a.B) - int64(b.B))
	})
	merged := out[:0]
	for _, r := range out {
		if n := len(merged); n > 0 && uint64(r.A) <= uint64(merged[n-1].B)+1 {
			merged[n-1].B = max32(merged[n-1].B, r.B)
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

func max32(a, b uint32) uint32 {
	if a > b {
		return a
	}
	return b
}

// Compact makes ranges of numbers in the order given: 1,2,3,7,6 is 1:3,7,6.
func Compact[N ~uint32](numbers []N) []Range {
	var out []Range
	for _, n := range numbers {
		if k := len(out); k > 0 && out[k-1].B+1 == uint32(n) {
			out[k-1].B = uint32(n)
			continue
		}
		out = append(out, Range{uint32(n), uint32(n)})
	}
	return out
}

// FormatRanges writes ranges as a sequence set.
func FormatRanges(ranges []Range) string {
	var b []byte
	for i, r := range ranges {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendSetNumber(b, r.A)
		if r.A != r.B {
			b = append(b, ':')
			b = appendSetNumber(b, r.B)
		}
	}
	return string(b)
}

func appendSetNumber(b []byte, n uint32) []byte {
	if n == 0 {
		return append(b, '*')
	}
	return strconv.AppendUint(b, uint64(n), 10)
}
