package imapd

import (
	"testing"
	"testing/synctest"
	"time"

	"posthorn/store"
)

// kept counts what lingers, and checks that the count of rows agrees.
func (l *lingering) kept(t *testing.T) int {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	rows := uint32(0)
	for _, b := range l.left {
		rows += b.version.count
	}
	if rows != l.rows {
		t.Errorf("%d rows are counted as %d", rows, l.rows)
	}
	return len(l.left)
}

func TestVersionsLingerForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lingering
		first, second := &version{count: 1}, &version{count: 2}
		l.keep(1, first)
		time.Sleep(lingerTime / 2)
		l.keep(2, second)
		if l.take(3) != nil {
			t.Error("a version of a mailbox that nobody left")
		}
		if l.take(1) != first || l.take(1) != nil {
			t.Error("a version is given back once")
		}
		time.Sleep(lingerTime / 4)
		l.keep(1, first)
		time.Sleep(lingerTime * 4 / 5)
		synctest.Wait()
		if n := l.kept(t); n != 1 || l.take(2) != nil {
			t.Errorf("%d are kept; the second should have gone", n)
		}
		time.Sleep(lingerTime / 2)
		synctest.Wait()
		if n := l.kept(t); n != 0 {
			t.Errorf("%d are kept", n)
		}
		l.keep(1, first) // and once more from the start
		time.Sleep(lingerTime + 1)
		synctest.Wait()
		if n := l.kept(t); n != 0 {
			t.Errorf("%d are kept", n)
		}
	})
}

func TestLingeringVersionsAreBounded(t *testing.T) {
	var l lingering
	for i := range 3 * lingerBoxes {
		l.keep(store.MailboxID(i), &version{count: 10})
	}
	if n := l.kept(t); n != lingerBoxes || l.take(3*lingerBoxes-1) == nil || l.take(0) != nil {
		t.Errorf("%d are kept, not the newest", n)
	}
	l.keep(1, &version{count: lingerRows - 5})
	if n := l.kept(t); n != 1 {
		t.Errorf("%d are kept beside one that fills all the room", n)
	}
	l.keep(2, &version{count: lingerRows + 1})
	if n := l.kept(t); n != 1 || l.take(2) != nil {
		t.Errorf("%d are kept after one that is too large", n)
	}
	l.keep(3, &version{count: 6})
	if l.take(1) != nil || l.take(3) == nil || l.kept(t) != 0 {
		t.Error("the oldest did not make room")
	}
}

// A session that comes soon after the last has left takes its version, and
// sees what happened meanwhile.
func TestSelectAfterTheLastSession(t *testing.T) {
	w := newWorld(t, tweaks{})
	cl := newClient(t, w, "one", "alice")
	for range 3 {
		cl.do("APPEND INBOX {3+}\r\nx\r\n")
	}
	cl.open()
	cl.do("UNSELECT")
	if n := w.server.boxes.lingering.kept(t); n != 1 {
		t.Fatalf("%d versions are kept", n)
	}
	cl.do("APPEND INBOX {3+}\r\nx\r\n")
	cl.open()
	if len(cl.box) != 4 {
		t.Errorf("%d messages instead of 4", len(cl.box))
	}
	if n := w.server.boxes.lingering.kept(t); n != 0 {
		t.Errorf("%d versions are kept of a selected mailbox", n)
	}
	cl.do("STORE 1 +FLAGS (\\Deleted)")
	cl.do("CLOSE")
	cl.open()
	if len(cl.box) != 3 || cl.box[0].uid != 2 {
		t.Errorf("after CLOSE: %v", cl.box)
	}
	for range 2 { // a mailbox of the same name is another one
		cl.do("CREATE Other")
		cl.do("APPEND Other {3+}\r\nx\r\n")
		cl.box = nil
		cl.do("SELECT Other")
		if len(cl.box) != 1 {
			t.Errorf("%d messages in a new mailbox", len(cl.box))
		}
		cl.do("UNSELECT")
		cl.do("DELETE Other")
	}
}
