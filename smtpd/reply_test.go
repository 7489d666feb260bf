package smtpd

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"posthorn/auth"
	"posthorn/mail"
	"posthorn/store"
)

// What the floors below say is a reply of the right class; what nobody foresaw
// stays as it is, for the log.
func TestFailuresAreReplies(t *testing.T) {
	full := &os.PathError{Op: "write", Path: "incoming-1", Err: syscall.ENOSPC}
	for _, c := range []struct {
		err  error
		want error
	}{
		{fmt.Errorf("write spool file: %w", full), mail.DiskFull},
		{fmt.Errorf("commit: %w", store.ErrNoSpace), mail.DiskFull},
		{auth.ErrCredentials, mail.AuthFailed},
		{auth.ErrThrottled, mail.AuthThrottled},
		{auth.ErrMechanism, mail.AuthMechanism},
	} {
		if got := reply(c.err); !errors.Is(got, c.want) {
			t.Errorf("%v became %v", c.err, got)
		}
	}
	if err := errors.New("no such table"); reply(err) != err {
		t.Error("an unforeseen error is a reply")
	}
}
