package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"posthorn/store"
	"posthorn/store/powercut"
)

// world is what one worker of the load has made, or what a store has of it: what
// there is by what it says of it.
//
//	m ACCOUNT MAILBOX TOKEN    flags and keywords of a message
//	q QUEUEID RECIPIENT        state, report and attempts of a delivery
//	b ACCOUNT MAILBOX          "" for a mailbox the worker has made
type world map[string]string

// said is a word of the load in the log: what a worker is about to change in its
// world ("" takes it away), that its last change was answered for (told), or that
// it failed and has not happened.
type said struct {
	Worker int
	Told   bool
	Failed bool
	Change world
	UIDs   map[string]store.UID             // given with a message, by its name in the world
	Least  map[store.MailboxID]store.UID    // given in a mailbox
	ModSeq map[store.MailboxID]store.ModSeq // told of a mailbox
}

// difference is what takes one world to another.
func difference(from, to world) world {
	d := make(world)
	for k, v := range to {
		if was, ok := from[k]; !ok || was != v {
			d[k] = v
		}
	}
	for k := range from {
		if _, ok := to[k]; !ok {
			d[k] = gone
		}
	}
	return d
}

// gone stands in a change for what is no longer there.
const gone = "gone"

func (w world) change(d world) {
	for k, v := range d {
		if v == gone {
			delete(w, k)
		} else {
			w[k] = v
		}
	}
}

// promised is what a store must have after a cut.
type promised struct {
	log    *powercut.Log
	worlds map[int]world // by worker
	maybe  map[int]world // the change each was about
	failed []world       // changes that have not happened
	uids   map[string]store.UID
	least  map[store.MailboxID]store.UID
	modseq map[store.MailboxID]store.ModSeq
}

// before reads the words that were said before a cut.
func before(l *powercut.Log, cut int) (*promised, error) {
	p := &promised{l, map[int]world{}, map[int]world{}, nil, map[string]store.UID{}, map[store.MailboxID]store.UID{}, map[store.MailboxID]store.ModSeq{}}
	var errs []error
	l.Words(cut, func(word string) {
		var s said
		if err := json.Unmarshal([]byte(word), &s); err != nil {
			errs = append(errs, err)
			return
		}
		p.hear(s)
	})
	return p, errors.Join(errs...)
}

func (p *promised) hear(s said) {
	if p.worlds[s.Worker] == nil {
		p.worlds[s.Worker] = make(world)
	}
	if s.Failed {
		p.failed = append(p.failed, p.maybe[s.Worker])
		delete(p.maybe, s.Worker)
		return
	}
	if !s.Told {
		p.maybe[s.Worker] = s.Change
		return
	}
	for name, value := range p.maybe[s.Worker] {
		if value == gone {
			delete(p.uids, name)
		}
	}
	p.worlds[s.Worker].change(p.maybe[s.Worker])
	delete(p.maybe, s.Worker)
	maps.Copy(p.uids, s.UIDs)
	for box, uid := range s.Least {
		p.least[box] = max(p.least[box], uid)
	}
	for box, modseq := range s.ModSeq {
		p.modseq[box] = max(p.modseq[box], modseq)
	}
}

// found is what a store has.
type found struct {
	worlds map[int]world
	uids   map[string]store.UID
	boxes  map[store.MailboxID]store.Box
}

var workers = regexp.MustCompile(`\bw([0-9]+)-`)

func (f *found) add(name, value string) error {
	m := workers.FindStringSubmatch(name)
	if m == nil {
		return fmt.Errorf("%q is there and nobody made it", name)
	}
	w, err := strconv.Atoi(m[1])
	if err != nil {
		return err
	}
	if f.worlds[w] == nil {
		f.worlds[w] = make(world)
	}
	if _, ok := f.worlds[w][name]; ok {
		return fmt.Errorf("%q is there twice", name)
	}
	f.worlds[w][name] = value
	return nil
}

// look reads everything a store has; each message must be whole (S3).
func look(t testing.TB, s *store.Store) (*found, error) {
	ctx := t.Context()
	f := &found{map[int]world{}, map[string]store.UID{}, map[store.MailboxID]store.Box{}}
	accounts, err := s.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, a := range accounts {
		boxes, err := s.Mailboxes(ctx, a.ID)
		errs = append(errs, err)
		for _, b := range boxes {
			f.boxes[b.ID] = b
			if workers.MatchString(b.Name) {
				errs = append(errs, f.add("b "+a.Login+" "+b.Name, ""))
			}
			errs = append(errs, f.lookInto(t, s, a, b))
		}
	}
	errs = append(errs, f.lookAtQueue(t, s))
	return f, errors.Join(errs...)
}

func (f *found) lookInto(t testing.TB, s *store.Store, a store.Account, b store.Box) error {
	ctx := t.Context()
	m, err := s.Mailbox(ctx, a.ID, b.Name)
	if err != nil {
		return err
	}
	var uids []store.UID
	b, err = m.Rows(ctx, func(rows []store.Row) {
		for _, r := range rows {
			uids = append(uids, r.UID)
		}
	})
	if err != nil {
		return err
	}
	all, err := m.Messages(ctx, uids)
	if err != nil {
		return err
	}
	var errs []error
	for _, msg := range all {
		r, err := m.Open(ctx, msg)
		token, err := whole(r, err)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %s, UID %d: %w", a.Login, b.Name, msg.UID, err))
			continue
		}
		name := "m " + a.Login + " " + b.Name + " " + token
		errs = append(errs, f.add(name, flagsOf(msg.Flags, b.Keywords)))
		f.uids[name] = msg.UID
	}
	return errors.Join(errs...)
}

func (f *found) lookAtQueue(t testing.TB, s *store.Store) error {
	items, err := s.Items(t.Context(), 0, 10_000)
	if err != nil {
		return err
	}
	var errs []error
	for _, it := range items {
		r, err := s.OpenItem(t.Context(), it)
		if _, err = whole(r, err); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", it.QueueID, err))
		}
		deliveries, err := s.Deliveries(t.Context(), it.ID)
		errs = append(errs, err)
		for _, d := range deliveries {
			errs = append(errs, f.add("q "+it.QueueID+" "+d.Recipient.Path.String(), stateOf(d.State, d.Report, d.Attempts)))
		}
	}
	return errors.Join(errs...)
}

func stateOf(s store.DeliveryState, r store.ReportState, attempts int) string {
	return fmt.Sprintf("%s %s %d", s, r, attempts)
}

func flagsOf(f store.Flags, keywords []string) string {
	var all []string
	for i, k := range keywords {
		if f&(1<<(store.KeywordBase+i)) != 0 {
			all = append(all, k)
		}
	}
	slices.Sort(all)
	return fmt.Sprintf("%02x %s", uint64(f&(1<<store.KeywordBase-1)), strings.Join(all, " "))
}

// tokenText is the content of the message of a token, of about size octets, and
// whole tells the token of content that has all of it.
func tokenText(token string, size int) string {
	line := strings.Repeat(token+" ", 70/(len(token)+1)) + "\r\n"
	return fmt.Sprintf("Subject: %s\r\nMessage-ID: <%s@example.test>\r\nX-Lines: %d\r\n\r\n", token, token, size/len(line)) +
		strings.Repeat(line, size/len(line))
}

func whole(r store.Reader, err error) (token string, _ error) {
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	text := string(b)
	token, rest, _ := strings.Cut(strings.TrimPrefix(text, "Subject: "), "\r\n")
	_, rest, _ = strings.Cut(rest, "X-Lines: ")
	digits, _, _ := strings.Cut(rest, "\r\n")
	lines, err := strconv.Atoi(digits)
	if err != nil || text != tokenText(token, lines*len(strings.Repeat(token+" ", 70/(len(token)+1))+"\r\n")) {
		return "", fmt.Errorf("content of %d octets is not whole: %.100q: %w", len(text), text, store.ErrCorrupt)
	}
	return token, nil
}

// leftOver tells whether a file that no row knows is of content whose commit was
// under way, or had failed. Where names are not written in order its name can be there when
// that in staging, from which Open would know it, is not: it stays until
// somebody looks at it (S8).
func (p *promised) leftOver(found store.Problem) bool {
	if found.Invariant != "S8" {
		return false
	}
	written := string(p.log.Written(filepath.Base(found.Path)))
	token, _, _ := strings.Cut(strings.TrimPrefix(written, "Subject: "), "\r\n")
	for _, change := range append(slices.Collect(maps.Values(p.maybe)), p.failed...) {
		for name, value := range change {
			if value != gone && (strings.HasSuffix(name, " "+token) || strings.HasPrefix(name, "q "+token+" ")) {
				return true
			}
		}
	}
	return false
}

// holds compares what a store has with what was promised.
func (p *promised) holds(f *found) (errs []error) {
	for w := range f.worlds {
		if p.worlds[w] == nil {
			p.worlds[w] = make(world)
		}
	}
	for w, sure := range p.worlds {
		is := f.worlds[w]
		less := difference(sure, is)
		if len(less) == 0 {
			continue
		}
		after := maps.Clone(sure)
		after.change(p.maybe[w])
		if more := difference(after, is); len(more) > 0 {
			errs = append(errs, fmt.Errorf("worker %d: %v differs from what was told; it was about %v", w, less, p.maybe[w]))
		}
	}
	about := make(world)
	for _, change := range p.maybe {
		maps.Copy(about, change)
	}
	for name, uid := range p.uids {
		_, changes := about[name]
		if is, ok := f.uids[name]; ok && is != uid && !changes {
			errs = append(errs, fmt.Errorf("%s has UID %d, told was %d (S4)", name, is, uid))
		}
	}
	for box, uid := range p.least {
		if is, ok := f.boxes[box]; ok && is.UIDNext <= uid {
			errs = append(errs, fmt.Errorf("mailbox %d %s has UIDNEXT %d, UID %d was told (S4)", box, is.Name, is.UIDNext, uid))
		}
	}
	for box, modseq := range p.modseq {
		if is, ok := f.boxes[box]; ok && is.ModSeq < modseq {
			errs = append(errs, fmt.Errorf("mailbox %d %s is at %d, %d was told (S5)", box, is.Name, is.ModSeq, modseq))
		}
	}
	return errs
}
