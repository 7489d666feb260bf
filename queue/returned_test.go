package queue_test

import (
	"testing"
	"time"

	"posthorn/mail"
)

// What a report from elsewhere says about a mail of ours is part of that mail's
// life, in the commit that delivers the report. Q1.
func TestReportFromElsewhereIsFiledWithItsMail(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.run()
		f.accept(letter("bob@away.test"))
		f.pass(time.Minute)
		sent, err := f.st.FindSent(f.Context(), "1@here.test", mail.Path{Local: "alice", Domain: "here.test"}, []mail.Path{{Local: "bob", Domain: "away.test"}})
		if err != nil {
			f.Fatal(err)
		}
		report := fromStranger(false, "alice@here.test")
		report.From = mail.Path{}
		report.Returned = []mail.Returned{
			{Item: int64(sent.Item), QueueID: sent.QueueID, MessageID: sent.MessageID, Login: sent.Login, From: sent.From, To: sent.To, Action: "failed", MTA: "mx.away.test", Status: "550 5.1.1 gone"},
			{Item: int64(sent.Item), QueueID: sent.QueueID, MessageID: sent.MessageID, Login: sent.Login, From: sent.From, To: "other@away.test", Action: "delayed", MTA: "mx.away.test", Status: "4.4.1"},
		}
		f.accept(report)
		events, err := f.st.Events(f.Context(), sent.QueueID, 0, 100)
		if err != nil {
			f.Fatal(err)
		}
		want := []string{"accepted bob@away.test 250 2.0.0 Ok: queued as " + sent.QueueID, "relayed bob@away.test 250 2.0.0 Taken", "bounced bob@away.test 550 5.1.1 gone", "reported other@away.test delayed: 4.4.1"}
		for i, e := range events {
			if got := e.Kind + " " + e.To + " " + e.Status; i >= len(want) || got != want[i] {
				f.Errorf("event %d: %s", i, got)
			}
			if e.Session != sent.QueueID || e.MessageID != "1@here.test" || e.Login != "alice@here.test" {
				f.Errorf("event %+v", e)
			}
		}
		if len(events) != len(want) || len(f.inbox()) != 1 {
			f.Errorf("%d events, %d messages", len(events), len(f.inbox()))
		}
	})
}
