package imapd

import (
	"fmt"
	"strings"
	"testing"

	"posthorn/store"
)

// ask runs one command and gives what was said: untagged lines, and the tagged
// one without its tag.
func (cl *client) ask(format string, args ...any) (untagged []string, tagged string) {
	cl.tags++
	tag := fmt.Sprintf("t%d ", cl.tags)
	command := fmt.Sprintf(format, args...)
	cl.send(tag + command)
	for {
		l := cl.line()
		if rest, ok := strings.CutPrefix(l, tag); ok {
			return untagged, rest
		}
		untagged = append(untagged, l)
	}
}

// RFC 4314 §4, by experiment: each command with every right but one, and with
// exactly those it needs. %[1]s is the shared mailbox.
var rightsMatrix = []struct {
	command string
	needs   string
	here    bool   // in the shared mailbox, which is selected; needs r besides
	tells   string // what it says when permitted, where it is OK always
}{
	{command: `SELECT %[1]s`, needs: "r"},
	{command: `EXAMINE %[1]s`, needs: "r"},
	{command: `STATUS %[1]s (MESSAGES)`, needs: "r"},
	{command: `LIST "" %[1]s`, needs: "l", tells: "* LIST ("},
	{command: `LIST "" %[1]s RETURN (STATUS (UNSEEN))`, needs: "lr", tells: "* STATUS "},
	{command: `LIST "" %[1]s RETURN (METADATA (/shared/comment))`, needs: "lr", tells: "* METADATA "},
	{command: `LIST "" %[1]s RETURN (MYRIGHTS)`, needs: "l", tells: "* MYRIGHTS "},
	{command: `CREATE %[1]s/below`, needs: "k"},
	{command: `DELETE %[1]s`, needs: "x"},
	{command: `RENAME %[1]s/inner %[1]s/other`, needs: "kx"},
	{command: `RENAME %[1]s %[2]s/other`, needs: "x"},
	{command: `SETACL %[1]s anyone l`, needs: "a"},
	{command: `DELETEACL %[1]s anyone`, needs: "a"},
	{command: `GETACL %[1]s`, needs: "a"},
	{command: `LISTRIGHTS %[1]s anyone`, needs: "a"},
	{command: `GETQUOTAROOT %[1]s`, needs: "r"},
	{command: `GETMETADATA %[1]s /shared/comment`, needs: "lr"},
	{command: `SETMETADATA %[1]s (/private/comment "x")`, needs: "lr"},
	{command: `SETMETADATA %[1]s (/shared/comment "x")`, needs: "lw"},
	{command: "APPEND %[1]s {3+}\r\nx\r\n", needs: "i"},
	{command: `COPY 1 %[1]s`, needs: "i"},
	{command: `UID COPY 1 %[1]s`, needs: "i"},
	{command: `MOVE 1 %[1]s`, needs: "i"},
	{command: `STORE 1 +FLAGS (\Seen)`, needs: "s", here: true},
	{command: `STORE 1 +FLAGS (\Deleted)`, needs: "t", here: true},
	{command: `UID STORE 1 -FLAGS (\Deleted)`, needs: "t", here: true},
	{command: `STORE 1 +FLAGS (\Flagged $Work)`, needs: "w", here: true},
	{command: `STORE 1 FLAGS (\Answered)`, needs: "w", here: true},
	{command: `EXPUNGE`, needs: "e", here: true},
	{command: `UID EXPUNGE 1`, needs: "e", here: true},
	{command: `MOVE 1 INBOX`, needs: "te", here: true},
	{command: `COPY 1 INBOX`, needs: "", here: true},
	{command: `FETCH 1 (FLAGS BODY.PEEK[])`, needs: "", here: true},
	{command: `SEARCH ALL`, needs: "", here: true},
	{command: `SORT (SUBJECT) UTF-8 ALL`, needs: "", here: true},
	{command: `UID THREAD REFERENCES UTF-8 ALL`, needs: "", here: true},
	{command: `ESEARCH IN (MAILBOXES %[1]s) ALL`, needs: "r", tells: "* ESEARCH "},
	{command: `ESEARCH IN (SUBTREE %[1]s) ALL`, needs: "lr", tells: "* ESEARCH "},
	{command: "REPLACE 1 %[1]s {3+}\r\nx\r\n", needs: "i"},
	{command: "UID REPLACE * %[1]s {3+}\r\nx\r\n", needs: "i"},
	{command: "REPLACE 1 INBOX {3+}\r\nx\r\n", needs: "te", here: true},
	{command: "UID REPLACE 1 INBOX {3+}\r\nx\r\n", needs: "te", here: true},
	{command: `APPEND INBOX CATENATE (URL "/%[1]s/;UID=1")`, needs: "r"},
	{command: "APPEND %[1]s CATENATE (TEXT {3+}\r\nx\r\n)", needs: "i"},
	{command: `NOTIFY SET STATUS (MAILBOXES %[1]s (MessageNew MessageExpunge))`, needs: "lr", tells: "* STATUS "},
}

func TestRightsMatrix(t *testing.T) {
	w := newWorld(t, tweaks{})
	bob := newClient(t, w, "bob", "bob")
	trial := 0
	try := func(i int, rights store.Rights) (permitted bool, said string) {
		t.Helper()
		row := rightsMatrix[i]
		trial++
		name := fmt.Sprintf("W%d", trial)
		box := "Shared/alice@example.test/" + name
		w.deliver("alice", name, []byte("Subject: x\r\n\r\n"))
		w.share("alice", name, rights)
		if strings.Contains(row.command, "inner") {
			w.deliver("alice", name+"/inner", []byte("Subject: x\r\n\r\n"))
		}
		parent := fmt.Sprintf("P%d", trial)
		w.deliver("alice", parent, []byte("Subject: x\r\n\r\n"))
		w.share("alice", parent, store.RightCreate)
		w.deliver("bob", "INBOX", []byte("Subject: mine\r\n\r\n"))
		bob.box = nil
		if row.here {
			if _, said := bob.ask("SELECT %s", box); !strings.HasPrefix(said, "OK") {
				return false, said
			}
		} else if _, said := bob.ask("SELECT INBOX"); !strings.HasPrefix(said, "OK") {
			t.Fatal(said)
		}
		untagged, said := bob.ask("%s", strings.NewReplacer("%[1]s", box, "%[2]s", "Shared/alice@example.test/"+parent).Replace(row.command))
		permitted = strings.HasPrefix(said, "OK")
		if !permitted && !strings.HasPrefix(said, "NO [NO") && !strings.HasPrefix(said, "NO [READ-ONLY]") && !strings.HasPrefix(said, "NO [BADURL ") {
			t.Errorf("%s with %v: %s", row.command, rights, said)
		}
		if row.tells != "" {
			permitted = strings.Contains(strings.Join(untagged, "\n"), row.tells)
		}
		return permitted, said
	}
	for i, row := range rightsMatrix {
		needs, err := store.ParseRights(row.needs)
		if err != nil {
			t.Fatal(err)
		}
		if row.here {
			needs |= store.RightRead
		}
		if ok, said := try(i, needs); !ok {
			t.Errorf("%s with %v, which is enough: %s", row.command, needs.Letters(), said)
		}
		for right := store.Rights(1); right <= store.RightAdmin; right <<= 1 {
			if !needs.Has(right) {
				continue
			}
			if ok, said := try(i, store.AllRights&^right); ok != metadataElse(row.command, right) {
				t.Errorf("%s without %v: %s", row.command, right.Letters(), said)
			}
		}
	}
}

// metadataElse: r is one of several rights that will do for annotations (RFC
// 5464 §3.3).
func metadataElse(command string, right store.Rights) bool {
	return right == store.RightRead && strings.Contains(command, "METADATA")
}

func (w *world) share(name, mailbox string, rights store.Rights) {
	w.t.Helper()
	m, err := w.store.Mailbox(w.t.Context(), w.account(name).ID, mailbox)
	if err == nil {
		err = m.SetACL(w.t.Context(), "bob@example.test", false, store.RightsSet, rights)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// Nothing tells a mailbox that is not shared from one that is not there, nor a
// user that is there from one that is not: for every command that names a
// mailbox the answers are the same to the octet.
func TestNothingTellsWhatIsThere(t *testing.T) {
	w := newWorld(t, tweaks{})
	w.deliver("alice", "Secret/Deep", []byte("Subject: x\r\n\r\n"))
	bob := newClient(t, w, "bob", "bob")
	w.deliver("bob", "INBOX", []byte("Subject: mine\r\n\r\n"))
	bob.do("SELECT INBOX")
	for _, command := range []string{
		"STATUS %s (MESSAGES)", "CREATE %s", "CREATE %s/x", "DELETE %s", "RENAME %s Mine", "RENAME Trash %s", "SUBSCRIBE %s", "UNSUBSCRIBE %s", `LIST "" %s`, `LIST "" %s*`, `LSUB "" %s`,
		"APPEND %s {3+}\r\nx\r\n", "COPY 1 %s", "MOVE 1 %s", "GETQUOTAROOT %s", "GETACL %s", "SETACL %s anyone lr", "DELETEACL %s anyone", "LISTRIGHTS %s anyone", "MYRIGHTS %s",
		"GETMETADATA %s /shared/comment", `SETMETADATA %s (/private/comment "x")`, "EXAMINE %s", "SELECT %s",
	} {
		var first string
		for _, name := range []string{
			"Shared/alice@example.test/Secret", "Shared/alice@example.test/Secret/Deep", "Shared/alice@example.test/Nothing",
			"Shared/nobody@example.test/Secret", "Shared/nobody@example.org/INBOX", "Shared/alice@example.test/INBOX",
		} {
			untagged, said := bob.ask(command, name)
			got := strings.ReplaceAll(strings.Join(append(untagged, said), "\n"), name, "it")
			if first == "" {
				first = got
			} else if got != first {
				t.Errorf("%s: of %s is said\n%s\nof the others\n%s", command, name, got, first)
			}
			if strings.HasPrefix(command, "SELECT") || strings.HasPrefix(command, "EXAMINE") {
				bob.do("SELECT INBOX")
			}
		}
	}
}
