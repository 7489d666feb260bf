package inflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// inflateAll feeds stream in pieces of at most size octets, releasing the
// Reader at each pause.
func inflateAll(stream []byte, size int) ([]byte, error) {
	var r Reader
	defer r.Close()
	var out []byte
	p := make([]byte, 700)
	for {
		n, err := r.Read(p)
		out = append(out, p[:n]...)
		switch {
		case err == nil:
		case err != ErrFeed || len(stream) == 0:
			return out, err
		default:
			r.Release()
			k := min(size, len(stream))
			r.Feed(stream[:k])
			stream = stream[k:]
		}
	}
}

func compressed(t testing.TB, level int, parts ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		w.Write(p)
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// samples are of all kinds: text, noise, repetition, matches from the far end
// of the window.
func samples() [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	var text strings.Builder
	for text.Len() < 200_000 {
		text.WriteString([]string{"FETCH ", "BODY[]", "(\\Seen)", " UID", "\r\n", "a0", "STORE"}[rng.IntN(7)])
		text.WriteByte(byte('0' + rng.IntN(10)))
	}
	far := append(noise[:windowSize-300:windowSize-300], noise[:300]...)
	return [][]byte{nil, []byte("a"), []byte("a NOOP\r\n"), noise, []byte(text.String()), bytes.Repeat([]byte("x"), 300_000), far}
}

func TestReadsWhatOthersWrite(t *testing.T) {
	for i, s := range samples() {
		for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, 1, 6, 9} {
			stream := compressed(t, level, s, []byte("the end"))
			for _, size := range []int{1, 7, 4096, len(stream)} {
				if len(stream)/size > 20_000 {
					continue // a pause costs a copy of the history
				}
				got, err := inflateAll(stream, size)
				if err != ErrFeed || string(got) != string(s)+"the end" {
					t.Fatalf("sample %d, level %d, fed by %d: %d octets of %d, %v", i, level, size, len(got), len(s)+7, err)
				}
			}
		}
	}
}

// What was flushed comes out before more is asked for, also where a partial
// flush ends within an octet: an empty fixed block of ten bits
// (RFC 1951 §3.2.6) behind a fixed block.
func TestPartialFlush(t *testing.T) {
	var w bitWriter
	for i, line := range []string{"a NOOP\r\n", "b IDLE\r\n", "DONE\r\n"} {
		w.fixedBlock(line)
		w.put(2, 3) // not final, fixed: empty
		w.put(0, 7)
		got, err := inflateAll(w.whole(), 1)
		// The octet that is not whole yet belongs to the empty block.
		want := strings.Join([]string{"a NOOP\r\n", "b IDLE\r\n", "DONE\r\n"}[:i+1], "")
		if err != ErrFeed || string(got) != want {
			t.Errorf("after %d flushes: %q, %v", i+1, got, err)
		}
	}
}

// bitWriter writes fixed blocks bit by bit.
type bitWriter struct {
	b    []byte
	bits uint32
	n    uint
}

func (w *bitWriter) put(v uint32, n uint) {
	w.bits |= v << w.n
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.b = append(w.b, byte(w.bits))
		w.bits >>= 8
	}
}

func (w *bitWriter) whole() []byte { return w.b }

func (w *bitWriter) fixedBlock(text string) {
	w.put(2, 3)
	for _, c := range []byte(text) { // codes 0x30 + c of 8 bits, the highest bit first
		v := uint32(0x30 + c)
		for i := 7; i >= 0; i-- {
			w.put(v>>i&1, 1)
		}
	}
	w.put(0, 7)
}

func TestLastBlock(t *testing.T) {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6)
	io.WriteString(w, "a LOGOUT\r\n")
	w.Close()
	if got, err := inflateAll(b.Bytes(), 3); err != io.EOF || string(got) != "a LOGOUT\r\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestDamage(t *testing.T) {
	for name, stream := range map[string][]byte{
		"a block of the fourth kind":       {7},
		"a stored length without its twin": {0, 1, 0, 1, 0},
		"a match before the beginning":     {0x4b, 0x04, 0xf2, 0, 0, 0, 0},
		"286 codes are too many":           {0xfd, 0x1f, 0, 0, 0, 0},
		"plain text":                       []byte("a LOGIN alice secret\r\n"),
	} {
		if got, err := inflateAll(stream, 1); err != ErrCorrupt {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// A pause keeps no more than the history, and that no larger than need be.
func TestPauseKeepsLittle(t *testing.T) {
	var r Reader
	var sent int
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6)
	for i := range 2000 {
		b.Reset()
		line := strings.Repeat(string(rune('a'+i%26)), i%90) + "\r\n"
		io.WriteString(w, line)
		w.Flush()
		sent += len(line)
		r.Feed(b.Bytes())
		p := make([]byte, 200)
		n, err := r.Read(p)
		if err != nil || string(p[:n]) != line || r.Buffered() {
			t.Fatalf("line %d: %q, %v", i, p[:n], err)
		}
		if i%2 == 0 { // one may ask once more, and need not
			if _, err := r.Read(p); err != ErrFeed {
				t.Fatalf("line %d: %v", i, err)
			}
		}
		r.Release()
		if most := min(sent+sent/4, windowSize); cap(r.history) > most || r.buf != nil || r.dynamic != nil || len(r.in) != 0 {
			t.Fatalf("after %d octets: %d are kept", sent, cap(r.history))
		}
	}
	r.Close()
	if _, err := r.Read(nil); err == nil || err == ErrFeed {
		t.Errorf("after Close: %v", err)
	}
}

// Any octets are read as the standard library reads them, in whatever pieces
// they come.
func FuzzReader(f *testing.F) {
	for _, s := range samples()[:3] {
		f.Add(compressed(f, 6, s), uint16(3))
		f.Add(compressed(f, 0, s, s), uint16(1))
	}
	f.Add([]byte("a NOOP\r\n"), uint16(1))
	f.Add([]byte{0x03, 0x00}, uint16(2))
	f.Fuzz(func(t *testing.T, stream []byte, size uint16) {
		const most = 1 << 20
		want, stdErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(stream)), most))
		got, err := inflateAll(stream, int(size)+1)
		var corrupt flate.CorruptInputError
		switch {
		case len(want) == most:
			if len(got) < most || !bytes.Equal(got[:most], want) {
				t.Fatalf("the first MiB differs")
			}
			return
		case stdErr == nil && err != io.EOF,
			errors.Is(stdErr, io.ErrUnexpectedEOF) && err != ErrFeed && err != ErrCorrupt, // we see some damage earlier
			errors.As(stdErr, &corrupt) && err != ErrCorrupt && err != ErrFeed:
			t.Fatalf("%v, the standard library says %v", err, stdErr)
		}
		if err != ErrCorrupt && !bytes.Equal(got, want) || !bytes.HasPrefix(want, got) && !bytes.HasPrefix(got, want) {
			t.Fatalf("%d octets instead of %d", len(got), len(want))
		}
	})
}

func BenchmarkRead(b *testing.B) {
	for name, s := range map[string][]byte{"text": samples()[4], "noise": samples()[3]} {
		stream := compressed(b, 6, s)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			for b.Loop() {
				var r Reader
				r.Feed(stream)
				if n, err := io.Copy(io.Discard, onlyReader{&r}); n != int64(len(s)) || err != ErrFeed {
					b.Fatal(n, err)
				}
				r.Close()
			}
		})
		b.Run(name+"/library", func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			r := flate.NewReader(bytes.NewReader(nil))
			for b.Loop() {
				r.(flate.Resetter).Reset(bytes.NewReader(stream), nil)
				io.Copy(io.Discard, r)
			}
		})
	}
}

type onlyReader struct{ io.Reader }
