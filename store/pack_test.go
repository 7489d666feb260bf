package store

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// Whatever a pack holds, with a checksum that is right, its entries lie within
// it, and what was added comes back.
func FuzzParsePack(f *testing.F) {
	var p packer
	p.add(0, []byte("a"), []byte("b"))
	p.add(63, nil)
	p.add(64, []byte("c"))
	p.add(blockUIDs-1, []byte("dd"))
	whole := p.octets(1, partHeader, 2)
	f.Add(whole[packPresent:])
	f.Add(whole[packPresent : len(whole)-1])
	f.Add(bytes.Repeat([]byte{0xff}, 700))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		b := append(make([]byte, packPresent), body...)
		binary.LittleEndian.PutUint32(b, checksum(1, partHeader, 2, body))
		got, err := parsePack(1, partHeader, 2, b)
		if _, err := parsePack(1, partHeader, 3, b); err == nil {
			t.Error("the pack is taken for another block's")
		}
		if err != nil {
			return
		}
		var again packer
		for slot := range blockUIDs {
			if e, ok := got.entry(slot); ok {
				again.add(slot, e)
			}
		}
		for slot := range blockUIDs {
			want, there := got.entry(slot)
			if e, ok := again.entry(slot); ok != there || !bytes.Equal(e, want) {
				t.Errorf("slot %d: %q, %v, want %q, %v", slot, e, ok, want, there)
			}
		}
	})
}
