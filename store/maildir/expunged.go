package maildir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"posthorn/store"
)

// Which content is expunged stands in lists, an account's folder and a key to a
// line. A list is written once and named like content, after the time.

func (b *Blobs) lists() string { return filepath.Join(b.root, "expunged") }

// NoteExpunged writes a list, unsynced.
func (b *Blobs) NoteExpunged(files []store.File) error {
	if err := b.noteExpunged(files); err != nil {
		return fmt.Errorf("list what is expunged: %w", kind(err))
	}
	return nil
}

func (b *Blobs) noteExpunged(files []store.File) error {
	path := filepath.Join(b.lists(), string(newKey()))
	f, err := b.disk.Create(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = b.makeFolder(b.lists()); err == nil {
			f, err = b.disk.Create(path)
		}
	}
	if err != nil {
		return err
	}
	var text bytes.Buffer
	for _, file := range files {
		text.WriteString(file.Dir + "/" + string(file.Key) + "\n")
	}
	_, err = f.Write(text.Bytes())
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		b.disk.Remove(path)
	}
	return err
}

// Expunged reads all lists. What has no line end is no key: a crash may have cut
// a list off.
func (b *Blobs) Expunged(ctx context.Context) (map[store.File]bool, error) {
	names, err := list(ctx, b.lists())
	if err != nil {
		return nil, fmt.Errorf("read what is expunged: %w", err)
	}
	all := make(map[store.File]bool)
	for _, n := range names {
		text, err := os.ReadFile(filepath.Join(b.lists(), n))
		if err != nil {
			return nil, fmt.Errorf("read what is expunged: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			line, whole := strings.CutSuffix(line, "\n")
			if dir, k, is := strings.Cut(line, "/"); whole && is {
				all[store.File{Place: store.Place{Dir: dir}, Key: store.Key(k)}] = true
			}
		}
	}
	return all, nil
}

// ForgetExpunged removes the lists that were written before a time.
func (b *Blobs) ForgetExpunged(ctx context.Context, before time.Time) error {
	names, err := list(ctx, b.lists())
	for i := 0; i < len(names) && err == nil; i++ {
		seconds, _, _ := strings.Cut(names[i], ".")
		at, notOurs := strconv.ParseInt(seconds, 10, 64)
		if notOurs == nil && at < before.Unix() {
			err = b.disk.Remove(filepath.Join(b.lists(), names[i]))
		}
	}
	if err != nil {
		return fmt.Errorf("forget what is expunged: %w", err)
	}
	return nil
}
