package store_test

import (
	"errors"
	"fmt"
	"testing"

	"posthorn/store"
	"posthorn/store/storetest"
)

// A list has a limit: without one each user could make every LIST slow.
func TestLongACL(t *testing.T) {
	f := setUp(t)
	bob := f.account("bob", store.Quota{})
	m := f.box("INBOX")
	ok(t, m.SetACL(t.Context(), "bob@example.test", false, store.RightsSet, store.RightRead))
	ok(t, f.Damage(t.Context(), `WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1998)
		INSERT INTO acl (mailbox, account, negative, rights) SELECT mailbox, i, 0, 2 FROM acl, n`))
	if err := m.SetACL(t.Context(), store.Anyone, false, store.RightsSet, store.RightRead); !errors.Is(err, store.ErrLimit) {
		t.Errorf("one entry more: %v", err)
	}
	// What is there may be changed and taken away.
	ok(t, m.SetACL(t.Context(), bob.Login, false, store.RightsAdd, store.RightLookup))
	ok(t, m.SetACL(t.Context(), bob.Login, false, store.RightsSet, 0))
	ok(t, m.SetACL(t.Context(), store.Anyone, false, store.RightsSet, store.RightRead))
	storetest.Clean(t, f.Store)
}

// Granted is whether there is a right, whatever else there is or is not.
func TestGranted(t *testing.T) {
	f := setUp(t)
	bob, carl := f.account("bob", store.Quota{}), f.account("carl", store.Quota{})
	for _, name := range []string{"Bobs", "Anyones", "Negative", "Hidden", "Gone"} {
		_, err := f.CreateMailbox(t.Context(), f.a.ID, name, "")
		ok(t, err)
	}
	ok(t, f.box("Bobs").SetACL(t.Context(), bob.Login, false, store.RightsSet, store.RightInsert))
	ok(t, f.box("Gone").SetACL(t.Context(), bob.Login, false, store.RightsSet, store.RightInsert))
	ok(t, f.box("Gone").SetACL(t.Context(), bob.Login, false, store.RightsRemove, store.RightInsert))
	ok(t, f.box("Anyones").SetACL(t.Context(), store.Anyone, false, store.RightsSet, store.RightLookup))
	ok(t, f.box("Negative").SetACL(t.Context(), bob.Login, true, store.RightsSet, store.RightInsert))
	for _, tt := range []struct {
		viewer store.Account
		owner  store.AccountID
		name   string
		want   bool
	}{
		{bob, f.a.ID, "Bobs", true}, {carl, f.a.ID, "Bobs", false}, {bob, f.a.ID, "Anyones", true}, {carl, f.a.ID, "Anyones", true},
		{bob, f.a.ID, "Negative", false}, {bob, f.a.ID, "Hidden", false}, {bob, f.a.ID, "Gone", false},
		{bob, f.a.ID, "Missing", false}, {bob, 0, "Bobs", false}, {bob, f.a.ID, "", false}, {bob, f.a.ID, "a//b", false},
	} {
		if got, err := f.Granted(t.Context(), tt.viewer.ID, tt.owner, tt.name); err != nil || got != tt.want {
			t.Errorf("%s on %d %q: %v, %v", tt.viewer.Login, tt.owner, tt.name, got, err)
		}
	}
	storetest.Clean(t, f.Store)
}

// What is shared with whom, annotations, limits and administrators come back
// from the notes, also when they were changed last of all.
func TestReindexBringsSharingBack(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	bob, gone := f.account("bob", store.Quota{}), f.account("gone", store.Quota{})
	ok(t, f.SetAdmin(ctx, bob.ID, true))
	ok(t, f.SetLimits(ctx, f.a.ID, store.Quota{Messages: 7}, 8))
	ok(t, f.SetManners(ctx, bob.ID, store.Manners{Language: "pt-BR", Zone: "America/Sao_Paulo"}))
	_, err := f.CreateMailbox(ctx, f.a.ID, "Work", "")
	ok(t, err)
	work := f.box("Work")
	ok(t, work.SetACL(ctx, bob.Login, false, store.RightsSet, store.RightRead|store.RightLookup))
	ok(t, work.SetACL(ctx, gone.Login, false, store.RightsSet, store.AllRights))
	ok(t, work.SetACL(ctx, store.Anyone, true, store.RightsSet, store.RightSeen))
	ok(t, work.SetMetadata(ctx, bob.ID, []store.Annotation{{Entry: "/comment", Value: []byte("bob's\x00")}, {Shared: true, Entry: "/comment", Value: []byte{}}}))
	ok(t, f.SetMetadata(ctx, bob.ID, []store.Annotation{{Entry: "/x", Value: []byte("1")}, {Shared: true, Entry: "/comment", Value: []byte("hello")}}))
	ok(t, f.RemoveAccount(ctx, gone.ID))
	picture := func() string {
		bob, err := f.AccountByLogin(ctx, "bob@example.test")
		ok(t, err)
		alice, err := f.AccountByLogin(ctx, "alice@example.test")
		ok(t, err)
		f.a = alice
		acl, err := f.box("Work").ACL(ctx)
		ok(t, err)
		of, err := f.box("Work").Metadata(ctx, bob.ID)
		ok(t, err)
		server, err := f.Store.Metadata(ctx, bob.ID)
		ok(t, err)
		used, err := f.AnnotationsUsed(ctx, bob.ID)
		ok(t, err)
		return fmt.Sprintf("%v\n%v\n%v\n%d %v %v %v %v", acl, of, server, used, bob.Admin, bob.Manners, alice.Limit, alice.Boxes)
	}
	before := picture()
	f.lose()
	f.rebuild()
	if after := picture(); after != before {
		t.Errorf("was\n%s\nis\n%s", before, after)
	}
	ok(t, f.box("Work").SetACL(ctx, "bob@example.test", false, store.RightsSet, 0))
	storetest.Clean(t, f.Store)
}

// Annotations are bounded in number and room; one that is too many changes
// nothing.
func TestAnnotationLimits(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	m := f.box("INBOX")
	large := make([]byte, store.MaxAnnotation)
	var err error
	n := 0
	for ; err == nil; n++ {
		err = m.SetMetadata(ctx, f.a.ID, []store.Annotation{{Entry: fmt.Sprintf("/large/%d", n), Value: large}})
	}
	if used, _ := f.AnnotationsUsed(ctx, f.a.ID); !errors.Is(err, store.ErrOverQuota) || used > store.AnnotationStorage {
		t.Errorf("after %d values: %v", n, err)
	}
	var many []store.Annotation
	for i := range store.MaxAnnotations + 1 {
		many = append(many, store.Annotation{Shared: true, Entry: fmt.Sprintf("/small/%d", i), Value: []byte{}})
	}
	if err := m.SetMetadata(ctx, f.a.ID, many); !errors.Is(err, store.ErrLimit) {
		t.Errorf("%d entries: %v", len(many), err)
	}
	if err := f.SetMetadata(ctx, f.a.ID, many); !errors.Is(err, store.ErrLimit) {
		t.Errorf("%d entries of the server: %v", len(many), err)
	}
	ok(t, m.SetMetadata(ctx, f.a.ID, many[1:]))
	ok(t, f.DeleteMailbox(ctx, f.a.ID, "Trash"))
	storetest.Clean(t, f.Store)
}

// An account has a limit of mailboxes; parents count.
func TestMailboxLimit(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	ok(t, f.SetLimits(ctx, f.a.ID, store.Quota{}, 8))
	if _, err := f.CreateMailbox(ctx, f.a.ID, "a/b/c", ""); !errors.Is(err, store.ErrOverQuota) {
		t.Errorf("nine mailboxes of eight: %v", err)
	}
	_, err := f.CreateMailbox(ctx, f.a.ID, "a/b", "")
	ok(t, err)
	if err := f.RenameMailbox(ctx, f.a.ID, "Trash", "x/y"); !errors.Is(err, store.ErrOverQuota) {
		t.Errorf("a rename that makes a parent: %v", err)
	}
	ok(t, f.RenameMailbox(ctx, f.a.ID, "Trash", "y"))
	storetest.Clean(t, f.Store)
}
