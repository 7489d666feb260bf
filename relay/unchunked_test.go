package relay_test

import (
	"strings"
	"testing"

	"posthorn/internal/dns/dnstest"
	"posthorn/mail"
	"posthorn/relay/relaytest"
)

// A server that offers CHUNKING and cannot do it gets the message behind DATA: at
// once where it has not taken it for sure, with the next attempt where nobody
// knows. It stays so for the next message.
func TestServerThatFailsAtBDAT(t *testing.T) {
	const ehlo = "250-mx.test\r\n250-PIPELINING\r\n250 CHUNKING"
	for _, tt := range []struct {
		name, first, words string
		script             relaytest.Script
		off                bool
	}{
		{name: "it can", first: "250 250", words: "BDAT BDAT"},
		{name: "it does not know the word", script: relaytest.Script{"UNKNOWN BDAT": "502 5.5.1 No"}, first: "250 250", words: "BDAT DATA DATA"},
		{name: "something hangs up on it", script: relaytest.Script{"UNKNOWN BDAT": relaytest.Close}, first: "451 451", words: "BDAT DATA"},
		{name: "it refuses the message", script: relaytest.Script{".": "554 5.7.1 Spam"}, first: "554 554", words: "BDAT BDAT"},
		{name: "the configuration has none of it", first: "250 250", words: "DATA DATA", off: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
			n.cfg.Chunking = !tt.off
			script := relaytest.Script{"EHLO": ehlo}
			for k, v := range tt.script {
				script[k] = v
			}
			h := n.host("127.0.0.2", script)
			first := n.send(letter("bob@x.test", "carol@x.test"))
			if got := codes(first); got != tt.first {
				t.Errorf("first: %s: %v", got, first[0].Reply)
			}
			if lost := tt.first == "451 451"; lost != first[0].Reply.Is(mail.ConnectionLost) {
				t.Errorf("first: %v", first[0].Reply)
			}
			n.send(letter("dora@x.test"))
			var words []string
			for _, line := range h.Lines() {
				if w, _, _ := strings.Cut(line, " "); w == "BDAT" || w == "DATA" {
					words = append(words, w)
				}
			}
			if got := strings.Join(words, " "); got != tt.words {
				t.Errorf("said %s, want %s", got, tt.words)
			}
			if took := len(h.Mails()); took != strings.Count(tt.first, "250")/2+1 && tt.script["."] == "" {
				t.Errorf("%d messages", took)
			}
		})
	}
}
