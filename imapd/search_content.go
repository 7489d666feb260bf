package imapd

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"posthorn/message"
	"posthorn/store"
)

// contentReaders bounds how many messages are read for searches at a time, by
// all sessions: each can take some tens of megabytes. Whoever waits is next after
// one message, so that a long search holds up no short one.
var contentReaders = make(chan struct{}, runtime.GOMAXPROCS(0))

// keptTexts are readers that have done their work, unless they have grown beyond
// keptOctets.
const keptOctets = 1 << 20

var keptTexts = sync.Pool{New: func() any { return new(message.Texts) }}

// judgeContents judges with the content, several messages at a time.
func (f *finder) judgeContents(ctx context.Context, open []*candidate) error {
	next := make(chan *candidate, len(open))
	for _, m := range open {
		next <- m
	}
	close(next)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var workers sync.WaitGroup
	for range min(len(open), cap(contentReaders)) {
		workers.Go(func() {
			for m := range next {
				if err := f.survive(ctx, m); err != nil {
					stop(err)
					return
				}
			}
		})
	}
	workers.Wait()
	err := context.Cause(ctx)
	var p *workerPanic
	if errors.As(err, &p) {
		panic(p) // the session's, which ends it and nothing else
	}
	return err
}

// workerPanic carries a panic of a goroutine that works for a session to the
// session's own, with where it was.
type workerPanic struct {
	value any
	stack []byte
}

func (p *workerPanic) Error() string { return fmt.Sprintf("%v\n%s", p.value, p.stack) }

// survive is judgeContent whose panic is an error: in a goroutine without a
// session nobody else would contain it.
func (f *finder) survive(ctx context.Context, m *candidate) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &workerPanic{p, debug.Stack()}
		}
	}()
	return f.judgeContent(ctx, m)
}

// judgeContent judges with the content. What cannot be read has no text; the
// other messages are found all the same.
func (f *finder) judgeContent(ctx context.Context, m *candidate) error {
	select {
	case contentReaders <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-contentReaders }()
	r, err := f.box.Open(ctx, m.msg)
	switch {
	case errors.Is(err, store.ErrCorrupt), errors.Is(err, store.ErrExpunged):
		f.s.log.Debug("content not searched", "uid", m.row.UID, "error", err)
		m.hasBody = true
		m.parsed = m.parsed || m.digest.Header == nil
	case err != nil:
		return err
	default:
		m.content = r
		defer r.Close()
	}
	m.texts = keptTexts.Get().(*message.Texts)
	defer func(t *message.Texts) {
		if t.Kept() <= keptOctets {
			keptTexts.Put(t)
		}
	}(m.texts)
	m.level = needContent
	m.verdict = f.key.judge(m)
	m.forget()
	return m.err
}
