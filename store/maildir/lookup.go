package maildir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/bits"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"posthorn/store"
)

// tries is how often a file is looked for that is renamed again and again while
// it is looked for.
const tries = 5

// lookup calls do with the path of a file: where it should be first, then where
// it was seen, the names it may have, and what a search of the account's folders
// finds. do must fail with fs.ErrNotExist when the path is not there (any more).
func (b *Blobs) lookup(ctx context.Context, f store.File, do func(path string) error) error {
	should := b.path(f, f.Info)
	missed := false
	for range tries {
		for path := range b.likely(f) {
			err := do(path)
			if !errors.Is(err, fs.ErrNotExist) {
				if err == nil && path != should {
					b.seen.note(f, path)
				}
				return err
			}
		}
		b.seen.drop(f)
		path, err := b.search(ctx, f)
		if err != nil {
			return err
		}
		if path == "" {
			// A listing can miss a name that changes meanwhile: it is believed
			// when it says so twice.
			if missed {
				break
			}
			missed = true
			continue
		}
		if err := do(path); !errors.Is(err, fs.ErrNotExist) {
			if err == nil {
				b.seen.note(f, path)
			}
			return err
		}
		b.hints.note(filepath.Dir(path), f.Key, "")
	}
	return fmt.Errorf("%s is in no folder of %q: %w", f.Key, f.Dir, store.ErrCorrupt)
}

// likely are the paths a file may have, the likeliest first: as it should be, where
// it was seen, as it was linked there and here, as it was listed, and with other
// flags, since names follow flags only after a while. All of them together cost
// less than to list a folder of a hundred files.
func (b *Blobs) likely(f store.File) iter.Seq[string] {
	return func(yield func(string) bool) {
		folder, bare := b.files(f.Place)+"/", name(f, "")
		if !yield(folder + name(f, f.Info)) {
			return
		}
		if path := b.seen.get(f); path != "" && (!yield(path) || !yield(filepath.Dir(path)+"/"+bare)) {
			return
		}
		if f.Info != "" && !yield(folder+bare) {
			return
		}
		if listed := b.hints.known(b.files(f.Place), f.Key); listed != "" {
			yield(folder + listed) // only a new listing is better
			return
		}
		for info := range otherFlags(f.Info) {
			if !yield(folder + name(f, info)) {
				return
			}
		}
	}
}

// flagLetters are those of Maildir that stand for system flags.
const flagLetters = "DFRST"

// otherFlags are an info with other system flags: first those that differ by
// one, then by two and so on. An info without flags has none.
func otherFlags(info string) iter.Seq[string] {
	return func(yield func(string) bool) {
		head, letters, ok := strings.Cut(info, ":2,")
		for distance := 1; distance <= len(flagLetters) && ok; distance++ {
			for mask := range 1 << len(flagLetters) {
				if bits.OnesCount(uint(mask)) == distance && !yield(head+":2,"+toggle(letters, mask)) {
					return
				}
			}
		}
	}
}

// toggle adds the letters of a mask to others, or takes them away, and keeps
// all in the order of their codes.
func toggle(letters string, mask int) string {
	var set [128]bool
	for i := range len(letters) {
		set[letters[i]&0x7f] = true
	}
	for i := range len(flagLetters) {
		if mask&(1<<i) != 0 {
			set[flagLetters[i]] = !set[flagLetters[i]]
		}
	}
	b := make([]byte, 0, len(letters)+len(flagLetters))
	for c, is := range set {
		if is {
			b = append(b, byte(c))
		}
	}
	return string(b)
}

// search looks for a key, in the folder it should be in before the others, and
// in new as well as cur. It is "" when it is in none.
func (b *Blobs) search(ctx context.Context, f store.File) (string, error) {
	places, err := b.places(f.Dir)
	if err != nil {
		return "", err
	}
	for i, p := range places {
		if p.Folder == f.Folder {
			places[0], places[i] = places[i], places[0]
		}
	}
	for _, p := range places {
		for _, sub := range []string{b.files(p), filepath.Join(b.folder(p), "new")} {
			name, err := b.hints.find(ctx, sub, f.Key)
			if err != nil {
				return "", err
			}
			if name != "" {
				return filepath.Join(sub, name), nil
			}
		}
	}
	return "", nil
}

// listStep is how many names are read between two looks at the context.
const listStep = 4096

// list gives the names in a folder; none for one that is not there, or is a file.
func list(ctx context.Context, path string) (names []string, err error) {
	err = eachName(ctx, path, func(some []string) error {
		names = append(names, some...)
		return nil
	})
	return names, err
}

// eachName calls do with the names in a folder, some at a time.
func eachName(ctx context.Context, path string, do func(some []string) error) error {
	d, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		some, err := d.Readdirnames(listStep)
		if err == io.EOF || errors.Is(err, unix.ENOTDIR) || errors.Is(err, fs.ErrNotExist) { // removed while it was open
			return nil
		}
		if err == nil {
			err = do(some)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// Rename moves a file to another place and info.
func (b *Blobs) Rename(ctx context.Context, f store.File, to store.Place, info string) error {
	err := b.lookup(ctx, f, func(path string) error { return b.move(path, f, to, info) })
	b.seen.drop(f)
	if err != nil {
		return fmt.Errorf("rename %s: %w", f.Key, kind(err))
	}
	return nil
}

// move renames in one step, also from folder to folder, so that a crash leaves
// the file one name, the old or the new.
func (b *Blobs) move(path string, f store.File, to store.Place, info string) error {
	f.Place, f.Info = to, info
	target := b.path(f, info)
	if path == target {
		_, err := os.Lstat(path)
		return err
	}
	err := b.disk.Rename(path, target)
	from, into := filepath.Dir(path), filepath.Dir(target)
	if errors.Is(err, fs.ErrNotExist) {
		if from == into {
			return err // it is the file that is not there
		}
		if _, missing := os.Lstat(path); missing != nil {
			return err // as well
		}
		if err = b.make(to); err == nil {
			err = b.disk.Rename(path, target)
		}
	}
	if err != nil {
		return err
	}
	b.hints.note(from, f.Key, "")
	b.hints.note(into, f.Key, filepath.Base(target))
	if from != into {
		return errors.Join(b.disk.SyncFolder(into), b.disk.SyncFolder(from))
	}
	return nil
}
