package storetest_test

import (
	"testing"

	"posthorn/store"
	"posthorn/store/blank"
	"posthorn/store/maildir"
	"posthorn/store/storetest"
)

func TestMaildir(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store {
		dir := t.TempDir()
		blank.Fill(t, dir)
		s, err := store.Open(t.Context(), dir, maildir.New(dir), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
