package queue_test

import (
	"strings"
	"testing"

	"posthorn/mail"
)

// Who wrote to an address of ours that leads to a dead one is not told to correct
// what he did not write.
func TestReportAboutADeadForwarding(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.mda.onward["team"] = "gone@away.test"
		f.agent.says(mail.Reply{Code: 550, X: mail.EnhancedCode{5, 1, 1}, Text: "User unknown"})
		f.accept(letter("team@here.test"))
		f.run()
		f.pass(1)
		in := f.inbox()
		if len(in) != 1 {
			t.Fatalf("%d reports", len(in))
		}
		for _, want := range []string{
			"Subject: Not delivered: team@here.test\r\n", "team@here.test =E2=86=92 gone@away.test", "passes its mail on to another",
			"Only the recipient can.", "team@here.test leads to an address that does not exist",
			"Final-Recipient: rfc822; gone@away.test\r\n", "Status: 5.1.1\r\n",
		} {
			if !strings.Contains(in[0], want) {
				t.Errorf("no %q in\n%s", want, in[0])
			}
		}
		if strings.Contains(in[0], "spelling") {
			t.Error("the sender shall check what he did not spell")
		}
	})
}
