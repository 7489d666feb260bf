package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"time"

	"posthorn/store"
)

var credentialsTests = []test{
	{"an account has one salt for good", credentialsSalt},
	{"keys belong to the password they were made of", credentialsKeys},
	{"app passwords are named, and go one by one", appPasswords},
	{"app passwords are bounded", appPasswordsBounded},
	{"an account's credentials go with it", credentialsRemoved},
	{"a secret is made once", secrets},
}

var salted = store.SCRAM{Salt: []byte("salt"), Iterations: 4096, Keys: []byte("keys")}

func (f *fixture) credentials(a store.Account) store.Credentials {
	f.Helper()
	c, err := f.s.Credentials(f.ctx, a.Login)
	f.must(err)
	return c
}

func credentialsSalt(f *fixture) {
	if c := f.credentials(f.alice); c.SCRAM.Salt != nil || c.SCRAM.Iterations != 0 || len(c.SCRAM.Keys) != 0 || len(c.Apps) != 0 {
		f.Errorf("at first %+v", c)
	}
	f.must(f.s.SetPassword(f.ctx, f.alice.ID, "hash"))
	f.must(f.s.SetPasswordKeys(f.ctx, f.alice.ID, "hash", salted))
	for _, other := range []store.SCRAM{{Salt: []byte("other"), Iterations: 4096}, {Salt: salted.Salt, Iterations: 5000}} {
		if err := f.s.SetPasswordKeys(f.ctx, f.alice.ID, "hash", other); !errors.Is(err, store.ErrInvalid) {
			f.Errorf("keys of %+v: %v", other, err)
		}
		if err := f.s.AddAppPassword(f.ctx, f.alice.ID, other, store.AppPassword{Name: "x", Keys: []byte("k")}); !errors.Is(err, store.ErrInvalid) {
			f.Errorf("app password of %+v: %v", other, err)
		}
	}
	if c := f.credentials(f.alice); !reflect.DeepEqual(c.SCRAM, salted) {
		f.Errorf("%+v", c.SCRAM)
	}
}

func credentialsKeys(f *fixture) {
	f.must(f.s.SetPassword(f.ctx, f.alice.ID, "one"))
	f.must(f.s.SetPasswordKeys(f.ctx, f.alice.ID, "one", salted))
	f.must(f.s.SetPassword(f.ctx, f.alice.ID, "two"))
	if c := f.credentials(f.alice); len(c.SCRAM.Keys) != 0 || string(c.SCRAM.Salt) != "salt" {
		f.Errorf("after another password %+v", c.SCRAM)
	}
	if err := f.s.SetPasswordKeys(f.ctx, f.alice.ID, "one", salted); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("keys of the password before: %v", err)
	}
	f.must(f.s.SetPasswordKeys(f.ctx, f.alice.ID, "two", salted))
	f.must(f.s.AddAppPassword(f.ctx, f.alice.ID, salted, store.AppPassword{Name: "x", Keys: []byte("k")}))
	f.must(f.s.DropPasswordKeys(f.ctx))
	f.must(f.s.DropPasswordKeys(f.ctx)) // with none
	if c := f.credentials(f.alice); len(c.SCRAM.Keys) != 0 || len(c.Apps) != 1 || string(c.Apps[0].Keys) != "k" {
		f.Errorf("dropped: %+v", c)
	}
}

func appPasswords(f *fixture) {
	now := time.Unix(1_700_000_000, 0)
	phone := store.AppPassword{Name: "Phone", Protocols: []string{"imap", "smtp"}, Keys: []byte{0, 1}, Created: now, Expires: now.Add(time.Hour)}
	any := store.AppPassword{Name: "any", Keys: []byte{2}, Created: now}
	for _, a := range []store.AppPassword{any, phone} {
		f.must(f.s.AddAppPassword(f.ctx, f.alice.ID, salted, a))
	}
	if err := f.s.AddAppPassword(f.ctx, f.alice.ID, salted, phone); !errors.Is(err, store.ErrExists) {
		f.Errorf("the same name: %v", err)
	}
	if err := f.s.AddAppPassword(f.ctx, 999, salted, phone); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("for nobody: %v", err)
	}
	f.must(f.s.AddAppPassword(f.ctx, f.bob.ID, salted, phone))
	later := now.Add(time.Minute)
	f.must(f.s.UsedAppPasswords(f.ctx, []store.AppUse{{Account: f.alice.ID, Name: "Phone", At: later, From: "192.0.2.1"}, {Account: f.alice.ID, Name: "gone", At: later}}))
	phone.Used, phone.UsedFrom = later, "192.0.2.1"
	any.Protocols = []string{}
	got := f.credentials(f.alice).Apps
	if !reflect.DeepEqual(got, []store.AppPassword{phone, any}) {
		f.Errorf("%+v", got)
	}
	if listed, err := f.s.AppPasswords(f.ctx, f.alice.ID); err != nil || !reflect.DeepEqual(listed, got) {
		f.Errorf("%+v %v", listed, err)
	}
	f.must(f.s.RemoveAppPassword(f.ctx, f.alice.ID, "Phone"))
	if err := f.s.RemoveAppPassword(f.ctx, f.alice.ID, "Phone"); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("again: %v", err)
	}
	if a, b := f.credentials(f.alice).Apps, f.credentials(f.bob).Apps; len(a) != 1 || len(b) != 1 || !b[0].Used.IsZero() {
		f.Errorf("left: %+v, bob has %+v", a, b)
	}
}

func appPasswordsBounded(f *fixture) {
	for i := range store.MaxAppPasswords {
		f.must(f.s.AddAppPassword(f.ctx, f.alice.ID, salted, store.AppPassword{Name: fmt.Sprint(i), Keys: []byte{1}}))
	}
	if err := f.s.AddAppPassword(f.ctx, f.alice.ID, salted, store.AppPassword{Name: "x", Keys: []byte{1}}); !errors.Is(err, store.ErrLimit) {
		f.Errorf("one more: %v", err)
	}
}

func credentialsRemoved(f *fixture) {
	f.must(f.s.AddAppPassword(f.ctx, f.alice.ID, salted, store.AppPassword{Name: "x", Keys: []byte{1}}))
	f.must(f.s.RemoveAccount(f.ctx, f.alice.ID))
	if all, err := f.s.AppPasswords(f.ctx, f.alice.ID); err != nil || len(all) != 0 {
		f.Errorf("%+v %v", all, err)
	}
	if err := f.s.AddAppPassword(f.ctx, f.alice.ID, salted, store.AppPassword{Name: "x", Keys: []byte{1}}); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("for a removed account: %v", err)
	}
	if err := f.s.SetPasswordKeys(f.ctx, f.alice.ID, "", salted); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("keys for a removed account: %v", err)
	}
}

func secrets(f *fixture) {
	one, err := f.s.Secret(f.ctx, "one")
	f.must(err)
	again, err := f.s.Secret(f.ctx, "one")
	f.must(err)
	two, err := f.s.Secret(f.ctx, "two")
	f.must(err)
	if len(one) != 32 || !bytes.Equal(one, again) || bytes.Equal(one, two) {
		f.Errorf("%x %x %x", one, again, two)
	}
}
