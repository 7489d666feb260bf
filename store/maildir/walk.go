package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"posthorn/store"
)

// Walk calls fn with every place and the files in it, some at a time. Files whose
// names have no size, as other programs write them, count with the size they have.
func (b *Blobs) Walk(ctx context.Context, fn func(p store.Place, files []store.Found) error) error {
	if err := b.walkPlace(ctx, store.Place{}, fn); err != nil {
		return err
	}
	accounts, err := list(ctx, filepath.Join(b.root, "accounts"))
	if err != nil {
		return fmt.Errorf("walk: %w", err)
	}
	for _, dir := range accounts {
		places, err := b.places(dir)
		if err != nil {
			return fmt.Errorf("walk %s: %w", dir, err)
		}
		for _, p := range places {
			if err := b.walkPlace(ctx, p, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *Blobs) walkPlace(ctx context.Context, p store.Place, fn func(store.Place, []store.Found) error) error {
	empty := true
	err := b.eachFile(ctx, p, func(string) bool { return true }, func(some []store.Found) error {
		empty = false
		return fn(p, some)
	})
	if err != nil {
		return fmt.Errorf("walk: %w", err)
	}
	if empty {
		return fn(p, nil)
	}
	return nil
}

// filesIn gives the files of a place whose names are wanted.
func (b *Blobs) filesIn(ctx context.Context, p store.Place, wanted func(name string) bool) (all []store.Found, err error) {
	err = b.eachFile(ctx, p, wanted, func(some []store.Found) error {
		all = append(all, some...)
		return nil
	})
	return all, err
}

// eachFile calls do with them, some at a time.
func (b *Blobs) eachFile(ctx context.Context, p store.Place, wanted func(name string) bool, do func(some []store.Found) error) error {
	folders := []string{b.files(p)}
	if p.Dir != "" {
		folders = append(folders, filepath.Join(b.folder(p), "new"))
	}
	for _, folder := range folders {
		err := eachName(ctx, folder, func(names []string) error {
			some, err := lookAt(ctx, p, folder, slices.DeleteFunc(names, func(n string) bool { return !wanted(n) }))
			if err != nil || len(some) == 0 {
				return err
			}
			return do(some)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
	}
	return nil
}

// lookAt gives the files of names in a folder.
func lookAt(ctx context.Context, p store.Place, folder string, names []string) ([]store.Found, error) {
	some := make([]store.Found, 0, len(names))
	for _, n := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, err := found(p, folder, n)
		if errors.Is(err, fs.ErrNotExist) {
			continue // renamed meanwhile
		}
		if err != nil {
			return nil, err
		}
		some = append(some, f)
	}
	return some, nil
}

// Names gives every name a key has in an account.
func (b *Blobs) Names(ctx context.Context, dir string, k store.Key) (all []store.Found, err error) {
	places, err := b.places(dir)
	for i := 0; i < len(places) && err == nil; i++ {
		var here []store.Found
		here, err = b.filesIn(ctx, places[i], func(name string) bool { return related(name, k) })
		all = append(all, slices.DeleteFunc(here, func(f store.Found) bool { return f.Key != k })...)
	}
	if err != nil {
		return nil, fmt.Errorf("names of %s: %w", k, err)
	}
	return all, nil
}

// RemoveName takes away one name.
func (b *Blobs) RemoveName(f store.Found) error {
	b.hints.note(filepath.Dir(f.Path), f.Key, "")
	if err := b.disk.Remove(f.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", f.Path, err)
	}
	return nil
}

// found reads a file name: KEY[,S=SIZE][INFO].
func found(p store.Place, folder, name string) (store.Found, error) {
	f := store.Found{File: store.File{Place: p}, Path: filepath.Join(folder, name)}
	st, err := os.Lstat(f.Path)
	if err != nil {
		return f, err
	}
	if !st.Mode().IsRegular() {
		return f, fs.ErrNotExist // a folder that somebody made is no content
	}
	f.Real, f.Size, f.Time = st.Size(), st.Size(), st.ModTime()
	end := strings.IndexAny(name, ",:")
	if end < 0 {
		end = len(name)
	}
	f.Key, f.Info = store.Key(name[:end]), name[end:]
	if rest, ok := strings.CutPrefix(f.Info, ",S="); ok {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if n, err := strconv.ParseInt(rest[:digits], 10, 64); err == nil {
			f.Size, f.Info = n, rest[digits:]
		}
	}
	return f, nil
}

// stagedName is what newKey makes. Anything else in tmp is not ours to end.
var stagedName = regexp.MustCompile(`^[0-9]{10}\.[0-9A-HJKMNP-TV-Z]{13}$`)

// Staged lists the keys that are still staged.
func (b *Blobs) Staged(ctx context.Context) ([]store.Key, error) {
	names, err := list(ctx, filepath.Join(b.root, "tmp"))
	keys := make([]store.Key, 0, len(names))
	for _, n := range names {
		if stagedName.MatchString(n) {
			keys = append(keys, store.Key(n))
		}
	}
	return keys, err
}

// Unstage ends what a crash has left of a staged key. For lost content the names
// are looked for that the commit had already given it.
func (b *Blobs) Unstage(ctx context.Context, k store.Key, lost bool) error {
	path := b.staging(k)
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && lost {
		err = b.unlinkAll(ctx, k, st.ModTime().Add(-clockStep))
	}
	if err == nil {
		err = b.disk.Remove(path)
	}
	if err != nil {
		return fmt.Errorf("unstage %s: %w", k, err)
	}
	return nil
}

// clockStep is how far the times of a file and its folder may be apart.
const clockStep = time.Minute

// unlinkAll removes every name of k and its siblings. Folders that have not
// changed since then cannot hold one.
func (b *Blobs) unlinkAll(ctx context.Context, k store.Key, since time.Time) error {
	accounts, err := list(ctx, filepath.Join(b.root, "accounts"))
	if err != nil {
		return err
	}
	for _, dir := range append(accounts, "") {
		places, err := b.places(dir)
		if err != nil {
			return err
		}
		for _, p := range places {
			if err := b.unlinkIn(ctx, b.files(p), k, since); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *Blobs) unlinkIn(ctx context.Context, folder string, k store.Key, since time.Time) error {
	st, err := os.Lstat(folder)
	if errors.Is(err, fs.ErrNotExist) || err == nil && st.ModTime().Before(since) {
		return nil
	}
	if err != nil {
		return err
	}
	names, err := list(ctx, folder)
	if err != nil {
		return err
	}
	for _, n := range names {
		if related(n, k) {
			if err := b.disk.Remove(filepath.Join(folder, n)); err != nil {
				return err
			}
		}
	}
	return nil
}
