package queue_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
)

// Q12: who is told about a failure, and who never.
func TestWhoIsTold(t *testing.T) {
	ours, proven, unproven := mail.Origin{Login: "alice@here.test"}, mail.Origin{Proven: true, Protocol: "ESMTP"}, mail.Origin{Protocol: "ESMTP"}
	tests := []struct {
		name   string
		origin mail.Origin
		from   mail.Path
		notify mail.Notify
		reply  mail.Reply
		want   string // the Action of the report, "" for none
	}{
		{"our own user", ours, mail.Path{Local: "alice", Domain: "here.test"}, 0, never, "failed"},
		{"a stranger whose address is proven", proven, mail.Path{Local: "eve", Domain: "far.test"}, 0, never, "failed"},
		{"a stranger whose address is not", unproven, mail.Path{Local: "eve", Domain: "far.test"}, 0, never, ""},
		{"nobody", ours, mail.Path{}, 0, never, ""},
		{"NOTIFY=NEVER", ours, mail.Path{Local: "alice", Domain: "here.test"}, mail.NotifyNever, never, ""},
		{"NOTIFY=DELAY", ours, mail.Path{Local: "alice", Domain: "here.test"}, mail.NotifyDelay, never, ""},
		{"NOTIFY=FAILURE", ours, mail.Path{Local: "alice", Domain: "here.test"}, mail.NotifyFailure, never, "failed"},
		{"NOTIFY=FAILURE while it waits", ours, mail.Path{Local: "alice", Domain: "here.test"}, mail.NotifyFailure, later, ""},
		{"while it waits", ours, mail.Path{Local: "alice", Domain: "here.test"}, 0, later, "delayed"},
		{"NOTIFY=SUCCESS, and it went on", ours, mail.Path{Local: "alice", Domain: "here.test"}, mail.NotifySuccess, taken, ""},
		{"NOTIFY=SUCCESS, and nobody will tell", ours, mail.Path{Local: "alice", Domain: "here.test"}, mail.NotifySuccess, mail.Reply{Code: 250, X: mail.EnhancedCode{2, 1, 9}}, "relayed"},
		{"nobody will tell, and nobody asked", ours, mail.Path{Local: "alice", Domain: "here.test"}, 0, mail.Reply{Code: 250, X: mail.EnhancedCode{2, 1, 9}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inTime(t, func(f *fixture) {
				f.agent.play(func(destination string, _ mail.Path) mail.Reply {
					if destination == "far.test" {
						return taken
					}
					return tt.reply
				})
				m := letter("bob@away.test")
				m.From, m.Origin, m.To[0].Notify = tt.from, tt.origin, tt.notify
				f.accept(m)
				f.run()
				f.pass(5 * time.Hour)
				reports := f.inbox()
				for _, a := range f.agent.made("far.test") {
					reports = append(reports, a.content)
				}
				if tt.want == "" && len(reports) != 0 || tt.want != "" && (len(reports) != 1 || !strings.Contains(reports[0], "Action: "+tt.want)) {
					t.Errorf("got %q, want %q", reports, tt.want)
				}
			})
		})
	}
}

// A report that cannot be delivered is not reported.
func TestNoReportAboutAReport(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.says(never)
		m := fromStranger(true, "bob@away.test")
		f.accept(m)
		f.run()
		f.pass(6 * time.Hour)
		if n := len(f.agent.made("")); n != 2 {
			t.Errorf("%d attempts: one is the message, one the report", n)
		}
		if w, in := f.waiting(), f.inbox(); len(w)+len(in) != 0 {
			t.Errorf("got %q %q", w, in)
		}
	})
}

// RET=FULL brings the message back, when it is small.
func TestReturnFull(t *testing.T) {
	for size, want := range map[int]bool{100: true, 100_000: false} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			inTime(t, func(f *fixture) {
				f.agent.says(never)
				m := letter("bob@away.test")
				m.Return = mail.ReturnFull
				m.Content = mail.Bytes("Subject: x\r\n\r\n" + strings.Repeat("end\r\n", size/5))
				f.accept(m)
				f.run()
				f.pass(time.Minute)
				in := f.inbox()
				if len(in) != 1 || strings.Contains(in[0], "message/rfc822\r\n") != want {
					t.Errorf("got %.3000q", in)
				}
			})
		})
	}
}
