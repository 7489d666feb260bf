package peer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"posthorn/store"
)

// Mailbox is mail to be imported: a new mailbox, or an INBOX that has never
// held anything.
type Mailbox struct {
	User string // full address
	Name string
	N    int
	// Message gives the content of message i, 0 to N-1, with CRLF line ends;
	// Date is its file's time. Both may be called by several goroutines.
	Message func(i int) []byte
	Date    func(i int) time.Time
	// Distinct > 0: message i has the content of message i % Distinct, and is
	// another name of its file.
	Distinct int
}

// layout is how a server keeps messages as files.
type layout struct {
	name  func(m Mailbox, i int, content []byte) string
	text  func(content []byte) []byte
	owner int
}

// write makes every message a file in a folder. Two goroutines do it: one waits
// for the disk.
func (m Mailbox) write(folder string, l layout) error {
	n := m.N
	if m.Distinct > 0 {
		n = min(n, m.Distinct)
	}
	errs := make([]error, 2)
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += len(errs) {
				errs[w] = m.writeOne(folder, l, i)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	contents := make([][]byte, n)
	for i := n; i < m.N; i++ {
		first := i % n
		if contents[first] == nil {
			contents[first] = m.Message(first)
		}
		c := contents[first]
		if err := os.Link(filepath.Join(folder, l.name(m, first, c)), filepath.Join(folder, l.name(m, i, c))); err != nil {
			return err
		}
	}
	return nil
}

func (m Mailbox) writeOne(folder string, l layout, i int) error {
	content := m.Message(i)
	path := filepath.Join(folder, l.name(m, i, content))
	if err := os.WriteFile(path, l.text(content), 0o600); err != nil {
		return err
	}
	if err := os.Chtimes(path, m.Date(i), m.Date(i)); err != nil {
		return err
	}
	return os.Lchown(path, l.owner, l.owner)
}

// key is a Maildir unique name; keys are in the order of messages.
func (m Mailbox) key(i int) string {
	return fmt.Sprintf("%010d.M%dP1.%s", 1600000000+i, i, strings.ReplaceAll(m.Name, "/", "-"))
}

// importMail stops the server, puts the files into its folders with the names that
// hold their UIDs, has its database rebuilt from them, and serves again: the way
// of a lost database, and the fastest there is for a large mailbox.
func (p *Process) importMail(boxes []Mailbox) error {
	p.Signal(syscall.SIGTERM)
	data := filepath.Join(p.Dir, "data")
	dirs, err := accountDirs(data)
	if err != nil {
		return err
	}
	for _, m := range boxes {
		dir, ok := dirs[m.User]
		if !ok {
			return fmt.Errorf("no account %s", m.User)
		}
		folder := filepath.Join(dir, store.FolderName(m.Name))
		if err := makeMaildir(folder, os.Getuid()); err != nil {
			return err
		}
		if err := m.write(filepath.Join(folder, "cur"), posthornLayout); err != nil {
			return err
		}
	}
	for _, name := range []string{"posthorn.db", "posthorn.db-wal", "posthorn.db-shm"} {
		if err := os.Remove(filepath.Join(data, name)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	if _, err := p.Verb("", "reindex"); err != nil {
		return err
	}
	return p.Serve()
}

// accountDirs finds the Maildir of each login by the notes in them.
func accountDirs(data string) (map[string]string, error) {
	notes, err := filepath.Glob(filepath.Join(data, "accounts", "*", "Maildir", "posthorn-account.json"))
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{}
	for _, path := range notes {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var note struct{ Login string }
		if err := json.Unmarshal(b, &note); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		dirs[note.Login] = filepath.Dir(path)
	}
	return dirs, nil
}

func makeMaildir(folder string, owner int) error {
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(folder, sub), 0o700); err != nil {
			return err
		}
	}
	for _, sub := range []string{"..", ".", "cur", "new", "tmp"} {
		if err := os.Lchown(filepath.Join(folder, sub), owner, owner); err != nil {
			return err
		}
	}
	return nil
}

var posthornLayout = layout{
	name: func(m Mailbox, i int, content []byte) string {
		return fmt.Sprintf("%s,S=%d%s", m.key(i), len(content), store.FileInfo(store.UID(i+1), 0))
	},
	text:  func(content []byte) []byte { return content },
	owner: os.Getuid(),
}

// dovecotLayout is what Dovecot's own delivery makes: LF line ends, and both
// sizes in the name. It belongs to Debian's user mail.
var dovecotLayout = layout{
	name: func(m Mailbox, i int, content []byte) string {
		lines := bytes.Count(content, []byte("\r\n"))
		return fmt.Sprintf("%s,S=%d,W=%d:2,", m.key(i), len(content)-lines, len(content))
	},
	text:  func(content []byte) []byte { return bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")) },
	owner: 8,
}

// importMail puts the files where Dovecot looks. It indexes them when somebody
// selects the mailbox.
func (d Debian) importMail(boxes []Mailbox) error {
	for _, m := range boxes {
		local, _, _ := strings.Cut(m.User, "@")
		folder := d.path("vmail", local, "Maildir")
		if err := makeMaildir(folder, dovecotLayout.owner); err != nil {
			return err
		}
		if m.Name != "INBOX" {
			folder = filepath.Join(folder, "."+strings.ReplaceAll(m.Name, "/", "."))
			if err := makeMaildir(folder, dovecotLayout.owner); err != nil {
				return err
			}
		}
		if err := m.write(filepath.Join(folder, "cur"), dovecotLayout); err != nil {
			return err
		}
	}
	return nil
}
