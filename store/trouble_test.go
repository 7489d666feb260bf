package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/store"
)

// journal is a log that tests read.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(b)
}

func (j *journal) count(what string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.b.String(), what)
}

func (j *journal) log() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// A task's line comes when its state changes, and no oftener than once a minute.
func TestTroubleIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		tell := store.Troubles(j.log())
		at := func(after time.Duration, err error, bad, good int) {
			t.Helper()
			time.Sleep(after)
			tell("mirror", err)
			if b, g := j.count("in trouble"), j.count("out of trouble"); b != bad || g != good {
				t.Fatalf("%d bad and %d good lines, want %d and %d", b, g, bad, good)
			}
		}
		disk := errors.New("input/output error")
		at(0, nil, 0, 0)
		at(0, context.Canceled, 0, 0)
		at(0, fmt.Errorf("mirror: %w", disk), 1, 0)
		at(0, errors.New("another"), 1, 0)
		at(time.Second, nil, 1, 0)
		at(time.Second, disk, 1, 0)
		at(time.Minute, nil, 1, 1)
		at(time.Second, disk, 1, 1)
		at(time.Minute, disk, 2, 1)
		tell("purge", disk)
		if n := j.count("task=purge"); n != 1 {
			t.Errorf("another task has %d lines", n)
		}
	})
}

// The mirror says that it fails, and does its work when it can.
func TestMirrorTellsItsTrouble(t *testing.T) {
	f := setUp(t)
	var j journal
	f.log = j.log()
	f.reopen()
	f.deliver(hello, 0)
	ok(t, f.Reflect(t.Context()))
	note := filepath.Join(f.dir, "accounts", f.a.Dir, "Maildir", "posthorn-account.json")
	was, err := os.ReadFile(note)
	ok(t, err)
	ok(t, os.Remove(note))
	ok(t, os.MkdirAll(filepath.Join(note, "in the way"), 0o700))
	ok(t, f.SetPassword(t.Context(), f.a.ID, "another hash"))
	for range 2 {
		if err := f.Reflect(t.Context()); err == nil {
			t.Fatal("a folder was overwritten by a note")
		}
	}
	ok(t, os.RemoveAll(note))
	ok(t, f.Reflect(t.Context()))
	is, err := os.ReadFile(note)
	ok(t, err)
	if bytes.Equal(is, was) {
		t.Error("the note was not written again")
	}
	if n := j.count("task=mirror"); n != 1 {
		t.Errorf("the log has %d lines", n)
	}
}
