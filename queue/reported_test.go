package queue_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// A report is in the language that the account has chosen, else that of the
// message, else that of the configuration; times are by the account's zone, else by
// the clock that wrote the message.
func TestLanguageAndClock(t *testing.T) {
	tests := []struct {
		name    string
		manners store.Manners
		config  string
		header  string
		want    []string
	}{
		{"nothing is known", store.Manners{}, "en", "", []string{"Subject: Not delivered: ", "What happened", "mail server, "}},
		{"the account's", store.Manners{Language: "de", Zone: "America/New_York"}, "fr", "Content-Language: es\r\nDate: Mon, 2 Nov 2026 10:00:00 +0900\r\n",
			[]string{"Subject: Nicht zugestellt: ", "Was geschehen ist", "America/New_York", "UTC-5"}},
		{"the message's", store.Manners{}, "fr", "Content-Language: es-MX\r\nDate: Mon, 2 Nov 2026 10:00:00 +0900\r\n",
			[]string{"Subject: No entregado: ", "UTC+9"}},
		{"what the sender reads", store.Manners{}, "fr", "Accept-Language: es;q=0.4, de;q=0.8\r\n", []string{"Subject: Nicht zugestellt: "}},
		{"the configured", store.Manners{}, "fr", "Content-Language: tlh\r\n", []string{"distribu=C3=A9"}},
		{"a zone that is gone", store.Manners{Zone: "Europe/Atlantis"}, "en", "", []string{"mail server, "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inTime(t, func(f *fixture) {
				f.cfg.Language = tt.config
				f.renew()
				if err := f.st.SetManners(f.Context(), f.alice.ID, tt.manners); err != nil {
					t.Fatal(err)
				}
				f.agent.says(never)
				m := letter("bob@away.test")
				m.Content = mail.Bytes("From: alice@here.test\r\nMessage-ID: <1@here.test>\r\n" + tt.header + "\r\nHello\r\n")
				f.accept(m)
				f.run()
				f.pass(time.Minute)
				in := f.inbox()
				if len(in) != 1 {
					t.Fatalf("INBOX: %q", in)
				}
				for _, want := range tt.want {
					if !strings.Contains(in[0], want) {
						t.Errorf("no %q in\n%s", want, in[0])
					}
				}
			})
		})
	}
}

// What was delivered here before the rest was tried is told too.
func TestReportTellsWhoGotIt(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.says(never)
		f.accept(letter("alice@here.test", "bob@away.test"))
		f.run()
		f.pass(time.Minute)
		in := f.inbox()
		if len(in) != 2 || !strings.Contains(in[1], "The message did reach:\r\n\r\n    alice@here.test\r\n") {
			t.Errorf("INBOX: %q", in)
		}
	})
}

// A message that asks for TLS comes back without its body, and its report asks for
// TLS too (RFC 8689 §5).
func TestReportAboutRequireTLS(t *testing.T) {
	for _, require := range []bool{false, true} {
		t.Run(fmt.Sprint(require), func(t *testing.T) {
			inTime(t, func(f *fixture) {
				f.agent.says(never)
				m := fromStranger(true, "bob@away.test")
				m.RequireTLS, m.Return = require, mail.ReturnFull
				f.accept(m)
				f.run()
				f.pass(time.Minute)
				made := f.agent.made("away.test")
				if len(made) != 2 || made[1].to[0] != "eve@away.test" {
					t.Fatalf("attempts: %+v", made)
				}
				if got := strings.Contains(made[1].content, "message/rfc822"); got == require {
					t.Errorf("the body is returned: %t, with REQUIRETLS %t", got, require)
				}
				if made[1].requireTLS != require {
					t.Errorf("the report requires TLS: %t", made[1].requireTLS)
				}
			})
		})
	}
}

// An address that stands for several, some of them elsewhere, is told about as
// expanded, and the wish for a receipt does not go along (RFC 3461 §5.2.7).
func TestExpanded(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.mda.onward["team"] = "bob@away.test carol@away.test"
		m := letter("team@here.test")
		m.To[0].Notify = mail.NotifySuccess | mail.NotifyFailure
		f.accept(m)
		f.run()
		f.pass(time.Minute)
		in := f.inbox()
		if len(in) != 1 || strings.Count(in[0], "Action: expanded\r\n") != 1 || !strings.Contains(in[0], "Final-Recipient: rfc822; team@here.test\r\n") {
			t.Errorf("INBOX: %q", in)
		}
		for _, a := range f.agent.made("away.test") {
			if !strings.Contains(a.wishes, " 4 ") { // FAILURE alone
				t.Errorf("wishes that went along: %s", a.wishes)
			}
		}
	})
}

// One that stands for a single other is not told about: the wish goes along.
func TestNotExpanded(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.mda.onward["bob"] = "bob@away.test"
		m := letter("bob@here.test")
		m.To[0].Notify = mail.NotifySuccess
		f.accept(m)
		f.run()
		f.pass(time.Minute)
		made := f.agent.made("away.test")
		if in := f.inbox(); len(in) != 0 || len(made) != 1 || !strings.Contains(made[0].wishes, " 2 ") {
			t.Errorf("INBOX: %q, attempts %+v", in, made)
		}
	})
}
