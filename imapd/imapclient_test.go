package imapd

import (
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// Another implementation reads what we write: go-imap's client, which is
// strict, goes through a day's work.
func TestGoIMAPClient(t *testing.T) {
	w := newWorld(t, tweaks{Bytes: 1 << 20})
	exists := make(chan uint32, 10)
	c := imapclient.New(w.dial(""), &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				exists <- *d.NumMessages
			}
		},
	}})
	defer c.Close()
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	must("login", c.Login("alice", "secret").Wait())
	enabled, err := c.Enable(imap.CapUTF8Accept).Wait()
	must("enable", err)
	if !enabled.Caps.Has(imap.CapUTF8Accept) {
		t.Errorf("enabled %v", enabled.Caps)
	}
	must("create", c.Create("Bücher/Neu", nil).Wait())
	must("subscribe", c.Subscribe("Bücher/Neu").Wait())
	list, err := c.List("", "*", &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true, UIDNext: true, Size: true}}).Collect()
	must("list", err)
	if len(list) != 8 {
		t.Errorf("%d mailboxes", len(list))
	}
	for _, l := range list {
		if l.Mailbox != "Bücher" && l.Status == nil {
			t.Errorf("%s has no status", l.Mailbox)
		}
	}
	quota, err := c.GetQuotaRoot("INBOX").Wait()
	must("getquotaroot", err)
	if len(quota) != 1 || quota[0].Resources[imap.QuotaResourceStorage].Limit != 1024 {
		t.Errorf("quota %+v", quota)
	}
	_, err = c.ID(&imap.IDData{Name: "test"}).Wait()
	must("id", err)
	ns, err := c.Namespace().Wait()
	must("namespace", err)
	if len(ns.Personal) != 1 || ns.Personal[0].Delim != '/' {
		t.Errorf("namespace %+v", ns)
	}

	sel, err := c.Select("INBOX", nil).Wait()
	must("select", err)
	if sel.NumMessages != 0 || sel.UIDNext != 1 || sel.UIDValidity == 0 {
		t.Errorf("select %+v", sel)
	}
	body := "Subject: hello\r\n\r\nbody\r\n"
	app := c.Append("INBOX", int64(len(body)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen, "Work"}, Time: time.Unix(1e9, 0)})
	_, err = strings.NewReader(body).WriteTo(app)
	must("append", err)
	must("append", app.Close())
	data, err := app.Wait()
	must("append", err)
	if data.UID != 1 || data.UIDValidity != sel.UIDValidity {
		t.Errorf("append %+v", data)
	}
	if n := <-exists; n != 1 {
		t.Errorf("%d exist", n)
	}

	idle, err := c.Idle()
	must("idle", err)
	w.deliver("alice", "INBOX", []byte(body))
	select {
	case n := <-exists:
		if n != 2 {
			t.Errorf("%d exist", n)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was told while idling")
	}
	must("idle", idle.Close())
	must("idle", idle.Wait())

	flags, err := c.Store(imap.SeqSetNum(1, 2), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Collect()
	must("store", err)
	if len(flags) != 2 || len(flags[0].Flags) < 3 || flags[1].UID != 2 {
		t.Errorf("store %+v", flags)
	}
	copied, err := c.Copy(imap.SeqSetNum(1, 2), "Bücher/Neu").Wait()
	must("copy", err)
	if copied.SourceUIDs.String() != "1:2" || copied.DestUIDs.String() != "1:2" {
		t.Errorf("copy %+v", copied)
	}
	moved, err := c.Move(imap.UIDSetNum(1), "Trash").Wait()
	must("move", err)
	if moved.SourceUIDs.(imap.UIDSet).String() != "1" {
		t.Errorf("move %+v", moved)
	}
	must("store", c.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}, Silent: true}, nil).Close())
	gone, err := c.Expunge().Collect()
	must("expunge", err)
	if len(gone) != 1 || gone[0] != 1 {
		t.Errorf("expunge %v", gone)
	}
	status, err := c.Status("Bücher/Neu", &imap.StatusOptions{NumMessages: true, NumUnseen: true, NumDeleted: true, AppendLimit: true}).Wait()
	must("status", err)
	if *status.NumMessages != 2 || *status.NumUnseen != 1 || *status.NumDeleted != 0 || *status.AppendLimit != 64<<20 {
		t.Errorf("status %+v", status)
	}
	must("unselect", c.Unselect().Wait())
	must("rename", c.Rename("Bücher", "Books", nil).Wait())
	must("delete", c.Delete("Books/Neu").Wait())
	must("logout", c.Logout().Wait())
}
