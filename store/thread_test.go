package store_test

import (
	"testing"

	"posthorn/store"
)

func (f *fixture) messageOf(a store.Appended) store.Message {
	f.t.Helper()
	all, err := f.box("INBOX").Messages(f.t.Context(), []store.UID{a.UID})
	ok(f.t, err)
	return all[0]
}

// Which messages are of one thread, whatever order they come in.
func TestThreads(t *testing.T) {
	const (
		first   = "Message-ID: <a@x>\r\nSubject: lunch\r\n\r\n"
		reply   = "Message-ID: <b@x>\r\nIn-Reply-To: <a@x>\r\nSubject: Re: Lunch\r\n\r\n"
		third   = "Message-ID: <c@x>\r\nReferences: <a@x>\r\n <b@x>\r\nSubject: RE: lunch\r\n\r\n"
		renamed = "Message-ID: <d@x>\r\nReferences: <a@x>\r\nSubject: dinner\r\n\r\n"
		foreign = "Message-ID: <e@x>\r\nSubject: lunch\r\n\r\n"
		bare    = "no header at all\r\n"
	)
	for _, c := range []struct {
		name string
		mail []string
		same []bool // of the thread of the first?
	}{
		{"a reply and its reply", []string{first, reply, third}, []bool{true, true, true}},
		{"replies before what they answer", []string{third, reply, first}, []bool{true, true, true}},
		{"the same message twice", []string{first, first}, []bool{true, true}},
		{"a new subject", []string{first, renamed}, []bool{true, false}},
		{"the same subject alone", []string{first, foreign}, []bool{true, false}},
		{"nothing to go by", []string{bare, bare}, []bool{true, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := setUp(t)
			var thread store.ThreadID
			for i, text := range c.mail {
				m := f.messageOf(f.deliver(text, 0))
				if i == 0 {
					thread = m.Thread
				}
				if (m.Thread == thread) != c.same[i] {
					t.Errorf("message %d: thread %d, first %d", i, m.Thread, thread)
				}
			}
		})
	}
}

// EMAILID and THREADID survive COPY and MOVE (RFC 8474 §5.1), UIDL survives MOVE.
func TestIdentitySurvivesCopyAndMove(t *testing.T) {
	f := setUp(t)
	m := f.messageOf(f.deliver(hello, store.FlagSeen, "k1", "k2"))
	inbox, archive := f.box("INBOX"), f.box("Archive")
	b, err := archive.Box(t.Context())
	ok(t, err)
	_, _, err = archive.SetFlags(t.Context(), nil, store.FlagsAdd, 0, nil, -1)
	ok(t, err)
	copied, err := inbox.Copy(t.Context(), []store.UID{m.UID}, b.ID, store.AllFlags)
	ok(t, err)
	moved, err := inbox.Move(t.Context(), []store.UID{m.UID}, b.ID, store.AllFlags)
	ok(t, err)
	both, err := archive.Messages(t.Context(), []store.UID{copied.To[0], moved.To[0]})
	ok(t, err)
	for _, c := range both {
		if c.Email != m.Email || c.Thread != m.Thread || c.Flags != m.Flags || !c.Internal.Equal(m.Internal) || c.Size != m.Size {
			t.Errorf("%+v became %+v", m, c)
		}
		if text := f.text(archive, c.UID); text != "Return-Path: <>\r\n"+hello {
			t.Errorf("UID %d: %q", c.UID, text)
		}
	}
	if both[0].UIDL == m.UIDL || both[1].UIDL != m.UIDL {
		t.Errorf("UIDL %s, copied %s, moved %s", m.UIDL, both[0].UIDL, both[1].UIDL)
	}
	f.clean(t)
}
