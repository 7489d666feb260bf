package client_test

import (
	"errors"
	"strings"
	"testing"

	"posthorn/mail"
	"posthorn/relay/relaytest"
)

const everything = "250-mx.test\r\n250-pipelining\r\n250-SIZE\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN"

// What a command line says depends on what the server offers; nothing an
// address or a parameter holds can add to it.
func TestCommandLines(t *testing.T) {
	odd := mail.Path{Local: `a> SIZE=1 x`, Domain: "us.test"}
	rcpt := mail.Recipient{Path: mail.Path{Local: "b", Domain: "x.test"}}
	wishes := mail.Recipient{Path: rcpt.Path, ORCPT: "rfc822;o=x y+z@q", Notify: mail.NotifySuccess | mail.NotifyDelay}
	tests := []struct {
		name, ehlo string
		envelope   mail.Envelope
		eightBit   bool
		rcpt       mail.Recipient
		want       string
	}{
		{"nothing offered", "250 mx.test", mail.Envelope{ID: "e", Return: mail.ReturnFull}, true, wishes,
			"MAIL FROM:<>|RCPT TO:<b@x.test>"},
		{"everything offered and wanted", everything, mail.Envelope{ID: "e=1", Return: mail.ReturnHeaders}, true, wishes,
			"MAIL FROM:<> SIZE=4 BODY=8BITMIME RET=HDRS ENVID=e+3D1|RCPT TO:<b@x.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o+3Dx+20y+2Bz@q"},
		{"an original recipient beyond ASCII", everything, mail.Envelope{}, false,
			mail.Recipient{Path: rcpt.Path, ORCPT: `utf-8;ü+\ö@x.test`, Notify: mail.NotifyNever},
			`MAIL FROM:<> SIZE=4|RCPT TO:<b@x.test> NOTIFY=NEVER ORCPT=utf-8;\x{FC}\x{2B}\x{5C}\x{F6}@x.test`},
		{"everything offered, nothing wanted", everything, mail.Envelope{}, false, rcpt,
			"MAIL FROM:<> SIZE=4|RCPT TO:<b@x.test>"},
		{"a local part that would break out", everything, mail.Envelope{From: odd}, false, mail.Recipient{Path: odd},
			`MAIL FROM:<"a> SIZE=1 x"@us.test> SIZE=4|RCPT TO:<"a> SIZE=1 x"@us.test>`},
		{"line ends in a local part", everything, mail.Envelope{}, false, mail.Recipient{Path: mail.Path{Local: "a\r\nRSET", Domain: "x.test"}},
			`MAIL FROM:<> SIZE=4|RCPT TO:<"a??RSET"@x.test>`},
		{"an international address", everything, mail.Envelope{}, false, mail.Recipient{Path: mail.Path{Local: "ü", Domain: "bücher.test"}},
			"MAIL FROM:<> SIZE=4 SMTPUTF8|RCPT TO:<ü@bücher.test>"},
		{"an international domain needs no SMTPUTF8", "250 mx.test", mail.Envelope{UTF8: true}, false, mail.Recipient{Path: mail.Path{Local: "b", Domain: "bücher.test"}},
			"MAIL FROM:<>|RCPT TO:<b@xn--bcher-kva.test>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := relaytest.Start(t, "127.0.0.1:0", relaytest.Script{"EHLO": tt.ehlo}, nil)
			m := text("\r\nx\n")
			m.Envelope, m.EightBit = &tt.envelope, tt.eightBit
			if replies, err := talk(t.Context(), dial(t, s, quick), m, []mail.Recipient{tt.rcpt}); err != nil {
				t.Fatal(replies, err)
			}
			if got := strings.Join(s.Lines()[1:3], "|"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestInternationalAddressNeedsAServerThatTakesIt(t *testing.T) {
	s := relaytest.Start(t, "127.0.0.1:0", nil, nil)
	c := dial(t, s, quick)
	rcpts := append(to("b@x.test"), mail.Recipient{Path: mail.Path{Local: "ü", Domain: "x.test"}})
	replies, err := talk(t.Context(), c, text("\r\nx\r\n"), rcpts)
	if err != nil || codes(replies) != "250 550" || replies[1].X.String() != "5.6.7" {
		t.Errorf("one of two recipients: got %v, %v", replies, err)
	}
	m := text("\r\nx\r\n")
	m.UTF8 = true
	if replies, err = c.Send(t.Context(), m, to("b@x.test")); !errors.Is(err, mail.RemoteNeedsUTF8) || codes(replies) != "-" {
		t.Errorf("the header section: got %v, %v", replies, err)
	}
	if replies, err = c.Send(t.Context(), text("\r\nx\r\n"), rcpts[1:]); !errors.Is(err, mail.RemoteNeedsUTF8) || codes(replies) != "-" {
		t.Errorf("the only recipient: got %v, %v", replies, err)
	}
	if replies, err = c.Send(t.Context(), text("\r\nx\r\n"), rcpts[:1]); err != nil || codes(replies) != "250" {
		t.Errorf("the session afterwards: got %v, %v", replies, err)
	}
}

func TestRequireTLSIsNotDropped(t *testing.T) {
	s := relaytest.Start(t, "127.0.0.1:0", nil, nil)
	m := text("\r\nx\r\n")
	m.Envelope.RequireTLS = true
	replies, err := talk(t.Context(), dial(t, s, quick), m, to("b@x.test"))
	if !errors.Is(err, mail.RequireTLSUnsupported) || codes(replies) != "-" || len(s.Mails()) != 0 {
		t.Errorf("got %v, %v", replies, err)
	}
}
