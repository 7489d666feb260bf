package queue

import (
	"errors"
	"testing"

	"posthorn/mail"
)

func TestReadReply(t *testing.T) {
	for in, want := range map[string]mail.Reply{
		"421":                            {Code: 421},
		"5.7.8":                          reply(535, "5.7.8", ""),
		"4.2.1":                          reply(450, "4.2.1", ""),
		"452 5.2.2 Full":                 {Code: 452, X: mail.EnhancedCode{4, 2, 2}, Text: "5.2.2 Full"},
		"550-5.7.1 one 550 5.7.1 two":    reply(550, "5.7.1", "one\ntwo"),
		"550-5.7.1 one\r\n550 5.7.1 two": reply(550, "5.7.1", "one\ntwo"),
		"host mx.example.org[192.0.2.1] said: 554 5.7.1 No (in reply to end of DATA command)": reply(554, "5.7.1", "No"),
		"Remote host said: 550 sorry, no mailbox here by that name (#5.1.1)":                  reply(550, "", "sorry, no mailbox here by that name (#5.1.1)"),
		"Diagnostic-Code: smtp; 550 5.1.1 No such user":                                       reply(550, "5.1.1", "No such user"),
		"Action: failed\nStatus: 5.4.4\n":                                                     reply(550, "5.4.4", "Action: failed Status: 5.4.4"),
	} {
		if got, err := ReadReply(in); err != nil || got != want {
			t.Errorf("%q: got %+v, %v, want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "hello", "999 no", "5.1", "3.1.1"} {
		if r, err := ReadReply(in); !errors.Is(err, ErrNoReply) {
			t.Errorf("%q: got %+v, %v", in, r, err)
		}
	}
}

// Whatever is pasted, what comes of it is a reply of SMTP that can be quoted, and
// reads as the same when it is pasted again.
func FuzzReadReply(f *testing.F) {
	for _, s := range []string{"421", "5.7.26", "550-5.7.1 one\n550 5.7.1 two", "said: 554 5.7.1 No (in reply to RCPT TO command)", "Diagnostic-Code: smtp; 550 5.1.1 No\n\tuser"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ReadReply(text)
		if err != nil {
			return
		}
		if r.Code < 200 || r.Code > 599 || r.X != (mail.EnhancedCode{}) && r.X[0] != r.Code/100 {
			t.Fatalf("%q: %+v", text, r)
		}
		again, err := ReadReply(r.String())
		if err != nil || again.Code != r.Code || r.X != (mail.EnhancedCode{}) && again.X != r.X {
			t.Fatalf("%q: %+v, then %+v, %v", text, r, again, err)
		}
	})
}
