package front

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// Whatever the sizes of reads and of what is taken away, nothing is lost,
// doubled or out of order.
func TestBufferGivesWhatCame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		want := make([]byte, r.IntN(3*largeRoom))
		for i := range want {
			want[i] = byte(r.Uint32())
		}
		most := 1 + r.IntN(2*smallRoom)
		var b buffer
		b.reset(&dribble{want, r, most})
		var got []byte
		for {
			if r.IntN(4) == 0 {
				b.widen()
			}
			if r.IntN(4) == 0 {
				b.rest()
			}
			if err := b.fill(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(round, err)
			}
			n := r.IntN(b.buffered() + 1)
			if b.buffered() > maxAuthLine {
				n = b.buffered() // as lines do, which have an end
			}
			got = append(got, b.unread()[:n]...)
			b.discard(n)
		}
		if got = append(got, b.unread()...); !bytes.Equal(got, want) {
			t.Fatalf("round %d: %d octets came as %d others", round, len(want), len(got))
		}
		b.release()
	}
}

// dribble gives at most some octets at a time, the last with io.EOF.
type dribble struct {
	left []byte
	r    *rand.Rand
	most int
}

func (p *dribble) Read(b []byte) (int, error) {
	n := copy(b[:min(len(b), 1+p.r.IntN(p.most))], p.left)
	if p.left = p.left[n:]; len(p.left) == 0 {
		return n, io.EOF
	}
	return n, nil
}

func TestBufferOwnsLittleWhileIdle(t *testing.T) {
	var b buffer
	b.reset(bytes.NewReader(make([]byte, 2*largeRoom)))
	b.widen()
	if err := b.fill(); err != nil || b.buffered() != largeRoom {
		t.Fatal(b.buffered(), err)
	}
	b.discard(largeRoom)
	b.rest()
	if b.large == nil {
		t.Error("the room went while more was waiting")
	}
	if err := b.fill(); err != nil {
		t.Fatal(err)
	}
	b.discard(b.buffered() - 1)
	b.rest()
	if b.large == nil || b.buffered() != 1 {
		t.Error("an octet that nobody had read went with the room")
	}
	b.discard(1)
	b.from = iotest.ErrReader(errors.New("no more"))
	if err := b.fill(); err == nil || err.Error() != "no more" {
		t.Error(err)
	}
	b.end-- // as if the last read had not filled it
	b.start = b.end
	b.rest()
	if b.large != nil || len(b.room) != 0 {
		t.Error("an idle buffer keeps a large room")
	}
}

func TestBufferGivesUpOnAReaderWithoutProgress(t *testing.T) {
	var b buffer
	b.reset(iotest.TimeoutReader(bytes.NewReader(nil)))
	b.from = stuck{}
	if err := b.fill(); err != io.ErrNoProgress {
		t.Error(err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }
