package maildir

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"posthorn/store"
)

// Open opens content to read. Small content is read at once, with three calls
// of the system instead of six, and holds no file open.
func (b *Blobs) Open(ctx context.Context, f store.File) (r store.Reader, err error) {
	err = b.lookup(ctx, f, func(path string) (err error) {
		if f.Size <= small {
			r, err = slurp(path, f.Size)
		} else {
			r, err = open(path, f.Size)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.Key, err)
	}
	return r, nil
}

func open(path string, size int64) (store.Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && st.Size() != size {
		err = wrongSize(path, st.Size(), size)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &file{f, size}, nil
}

func wrongSize(path string, has, want int64) error {
	return fmt.Errorf("%s has %d octets, not %d: %w", path, has, want, store.ErrCorrupt)
}

// file is content that is read from the disk as it is asked for.
type file struct {
	*os.File
	size int64
}

func (f *file) Size() int64 { return f.size }

// small is what fits into a pooled buffer with an octet to spare, by which
// content is known to be longer than it should be.
const small = 64<<10 - 1

// slurp reads a whole file of a size.
func slurp(path string, size int64) (store.Reader, error) {
	fd, err := retried(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	m := &inMemory{buf: buffers.Get().(*[64 << 10]byte), size: size}
	for n := 0; ; {
		k, err := retried(func() (int, error) { return unix.Read(fd, m.buf[n:size+1]) })
		n += k
		switch {
		case err != nil:
			m.Close()
			return nil, &os.PathError{Op: "read", Path: path, Err: err}
		case int64(n) == size: // one octet more was asked for: this is the end
			return m, nil
		case k == 0 || int64(n) > size:
			m.Close()
			var st unix.Stat_t
			if err := unix.Fstat(fd, &st); err != nil {
				return nil, &os.PathError{Op: "stat", Path: path, Err: err}
			}
			return nil, wrongSize(path, st.Size, size)
		}
	}
}

func retried(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// inMemory is content in a pooled buffer. The buffer is somebody else's after
// Close: mu keeps a late reader from it.
type inMemory struct {
	mu   sync.Mutex
	buf  *[64 << 10]byte // nil once closed
	size int64
	at   int64 // of Read
}

func (m *inMemory) Size() int64 { return m.size }

func (m *inMemory) Read(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.copy(p, m.at)
	m.at += int64(n)
	if n > 0 || len(p) == 0 {
		return n, nil
	}
	return n, err
}

func (m *inMemory) ReadAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.copy(p, off)
}

// copy is called with mu held.
func (m *inMemory) copy(p []byte, off int64) (int, error) {
	switch {
	case m.buf == nil:
		return 0, os.ErrClosed
	case off < 0:
		return 0, fmt.Errorf("read at %d: %w", off, os.ErrInvalid)
	case off >= m.size:
		return 0, io.EOF
	}
	n := copy(p, m.buf[off:m.size])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (m *inMemory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.buf == nil {
		return os.ErrClosed
	}
	buffers.Put(m.buf)
	m.buf = nil
	return nil
}
