package imapd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/imapd/wire"
	"posthorn/message"
	"posthorn/store"
)

// fakeMessages stands for a mailbox with the faults a test wants. UIDs are 10,
// 20, 30 ... in the order of texts.
type fakeMessages struct {
	texts    []string
	internal time.Time
	rows     []store.Row
	modseq   store.ModSeq
	gone     map[store.UID]bool  // purged: no row
	openErr  map[store.UID]error // of the content; it has no digest then
	readErr  map[store.UID]error // of reading what could be opened
	sizes    map[store.UID]int64 // what the index wrongly says
	flagsErr error
	mu       sync.Mutex // guards opened, open and maxOpen
	opened   []store.UID
	open     int // readers not closed
	maxOpen  int
	made     [][]byte // digests
}

func newFake(texts ...string) *fakeMessages {
	f := &fakeMessages{
		texts: texts, internal: time.Date(2026, 11, 2, 9, 8, 7, 0, time.FixedZone("", 3600)),
		gone: map[store.UID]bool{}, openErr: map[store.UID]error{}, readErr: map[store.UID]error{}, sizes: map[store.UID]int64{},
	}
	for i, text := range texts {
		d, err := message.MakeDigest(strings.NewReader(text))
		if err != nil {
			panic(err)
		}
		f.rows = append(f.rows, store.Row{UID: store.UID(10 * (i + 1)), ModSeq: 1})
		f.made = append(f.made, d)
	}
	return f
}

func (f *fakeMessages) Messages(_ context.Context, uids []store.UID) (out []store.Message, err error) {
	for _, u := range uids {
		if i := int(u)/10 - 1; !f.gone[u] {
			size := int64(len(f.texts[i]))
			if wrong, ok := f.sizes[u]; ok {
				size = wrong
			}
			out = append(out, store.Message{Row: f.rows[i], Size: size, Internal: f.internal.AddDate(0, 0, i)})
		}
	}
	return out, nil
}

func (f *fakeMessages) Locate(ctx context.Context, rows []store.Row) ([]store.Message, error) {
	uids := make([]store.UID, len(rows))
	for i := range rows {
		uids[i] = rows[i].UID
	}
	return f.Messages(ctx, uids)
}

func (f *fakeMessages) Digests(_ context.Context, msgs []store.Message) (out []message.Digest, err error) {
	for _, m := range msgs {
		out = append(out, f.digest(m.UID))
	}
	return out, nil
}

func (f *fakeMessages) digest(u store.UID) message.Digest {
	if f.openErr[u] != nil {
		return message.Digest{}
	}
	d, err := message.ParseDigest(f.made[u/10-1])
	if err != nil {
		panic(err)
	}
	return d
}

func (f *fakeMessages) Facts(ctx context.Context, uids []store.UID, _ store.Want, fn func([]store.Fact) error) error {
	msgs, _ := f.Messages(ctx, uids)
	facts := make([]store.Fact, len(msgs))
	for i, m := range msgs {
		_, zone := m.Internal.Zone()
		facts[i] = store.Fact{UID: m.UID, Size: m.Size, Internal: m.Internal.Unix(), Zone: int32(zone), Sent: m.Internal.Unix(), Digest: f.digest(m.UID)}
		if f.openErr[m.UID] == nil {
			if facts[i].Header != nil {
				facts[i].Fields = message.AppendListFields(nil, facts[i].Header)
			}
			h := message.ParseHeader([]byte(f.texts[m.UID/10-1]))
			facts[i].Known, facts[i].Sent, facts[i].Threading = true, message.Sent(h, m.Internal).Unix(), message.AppendThreading(nil, h)
		}
	}
	for some := range slices.Chunk(facts, 300) {
		if err := fn(some); err != nil {
			return err
		}
	}
	return nil
}

type fakeReader struct {
	*strings.Reader
	f   *fakeMessages
	err error
}

func (r *fakeReader) ReadAt(b []byte, off int64) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	return r.Reader.ReadAt(b, off)
}

func (r *fakeReader) Close() error {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	r.f.open--
	return nil
}

// FindText has no index.
func (f *fakeMessages) FindText(_ context.Context, queries []store.TextQuery) ([]store.TextAnswer, error) {
	return make([]store.TextAnswer, len(queries)), nil
}

func (f *fakeMessages) Open(_ context.Context, m store.Message) (store.Reader, error) {
	if err := f.openErr[m.UID]; err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened = append(f.opened, m.UID)
	f.open++
	f.maxOpen = max(f.maxOpen, f.open)
	return &fakeReader{strings.NewReader(f.texts[m.UID/10-1]), f, f.readErr[m.UID]}, nil
}

func (f *fakeMessages) SetFlags(_ context.Context, uids []store.UID, op store.SetOp, flags store.Flags, _ []string, _ store.ModSeq) (changed []store.Row, failed []store.UID, err error) {
	if f.flagsErr != nil {
		return nil, nil, f.flagsErr
	}
	if op != store.FlagsAdd || flags != store.FlagSeen {
		return nil, nil, errors.New("FETCH sets \\Seen and nothing else")
	}
	f.modseq++
	for _, u := range uids {
		r := &f.rows[u/10-1]
		r.Flags |= flags
		r.ModSeq = f.modseq
		changed = append(changed, *r)
	}
	return changed, nil, nil
}

// fakeSession is a session that has f selected, and what it wrote.
func fakeSession(f *fakeMessages) (*session, *bytes.Buffer) {
	var out bytes.Buffer
	facts := store.Box{Name: "INBOX", Keywords: []string{"$Work"}}
	v := newVersion(1, facts, appendChunk(nil, append([]store.Row(nil), f.rows...)))
	s := &session{
		log: slog.New(slog.DiscardHandler), state: selected, out: wire.NewEncoder(bufio.NewWriterSize(&out, writeBuffer)),
		view: &view{box: &box{}, rights: store.AllRights, seen: v, keywords: 1},
	}
	return s, &out
}

// decoderOf reads one command's arguments.
func decoderOf(args string) *wire.Decoder {
	d := wire.NewDecoder(bufio.NewReader(strings.NewReader(args+"\r\n")), memberLimits(1<<20), func() error { return nil })
	if err := d.Next(); err != nil && !errors.Is(err, io.EOF) {
		panic(err)
	}
	return d
}

// runFetch runs FETCH, or UID FETCH, and gives the untagged responses.
func runFetch(t testing.TB, s *session, out *bytes.Buffer, f *fakeMessages, args string, uid bool) (string, error) {
	t.Helper()
	out.Reset()
	d := decoderOf(args)
	set := d.Set()
	d.SP()
	ft := &fetcher{s: s, box: f, items: takeFetchItems(d)}
	if err := d.End(); err != nil {
		return "", err
	}
	if uid {
		ft.first("UID")
	}
	numbers, err := s.view.resolve(set, uid)
	if err == nil {
		err = ft.run(context.Background(), numbers)
	}
	s.out.Flush()
	if f.open != 0 {
		t.Errorf("%s: %d files left open", args, f.open)
	}
	return out.String(), err
}
