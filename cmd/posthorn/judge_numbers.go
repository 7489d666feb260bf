package main

import (
	"reflect"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"

	"posthorn/internal/serve"
)

// minRecipients is what every server takes at least (RFC 5321 §4.5.3.1.8).
const minRecipients = 100

// minMessages is what a limit of messages should not be below (RFC 9738 §3).
const minMessages = 1000

// minEvents is how long events are kept at least.
const minEvents = 24 * time.Hour

// judgeNumbers finds numbers that no server could go by.
func (c *Config) judgeNumbers(j *judgement) {
	j.numbers(reflect.ValueOf(*c), "")
	for key, n := range map[string]int{"smtp.max_recipients": c.SMTP.MaxRecipients, "submission.max_recipients": c.Submission.MaxRecipients, "lmtp.max_recipients": c.LMTP.MaxRecipients} {
		if n >= 0 && n < minRecipients {
			j.mistake(key, 0, "%d is less than the %d that RFC 5321 asks of every server", n, minRecipients)
		}
	}
	if n := c.IMAP.MessageLimit; n > 0 && n < minMessages {
		j.mistake("imap.message_limit", 0, "%d is less than the %d that RFC 9738 wants at least; 0 is for no limit", n, minMessages)
	}
	for key, d := range map[string]serve.Duration{
		"smtp.idle_timeout": c.SMTP.IdleTimeout, "submission.idle_timeout": c.Submission.IdleTimeout, "lmtp.idle_timeout": c.LMTP.IdleTimeout,
		"imap.idle_timeout": c.IMAP.IdleTimeout, "pop3.idle_timeout": c.POP3.IdleTimeout,
		"relay.connect_timeout": c.Relay.ConnectTimeout,
	} {
		if time.Duration(d) == 0 {
			j.mistake(key, 0, "no time at all would end every connection")
		}
	}
	if d := time.Duration(c.Log.Events); d >= 0 && d < minEvents {
		j.mistake("log.events", 0, "less than a day: nobody could be told what became of yesterday's mail, and no bounce be known for one of ours")
	}
	for _, least := range []struct {
		key     string
		d, want serve.Duration
		rfc     string
	}{
		{"imap.idle_timeout", c.IMAP.IdleTimeout, serve.Duration(30 * time.Minute), "RFC 9051"},
		{"pop3.idle_timeout", c.POP3.IdleTimeout, serve.Duration(10 * time.Minute), "RFC 1939"},
	} {
		if 0 < least.d && least.d < least.want {
			j.mistake(least.key, 0, "%v is less than the %v that %s gives every mail program", least.d, least.want, least.rfc)
		}
	}
	if c.IMAP.AppendLimit == 0 {
		j.mistake("imap.append_limit", 0, "no mail program could put a message into a mailbox")
	}
}

// numbers judges the numbers in s, whose keys begin with prefix: none is
// negative, and a duration has its unit.
func (j *judgement) numbers(s reflect.Value, prefix string) {
	for i := range s.NumField() {
		name, _, _ := strings.Cut(s.Type().Field(i).Tag.Get("toml"), ",")
		if name == "" || name == "-" {
			continue
		}
		key, v := prefix+name, s.Field(i)
		switch v.Interface().(type) {
		case serve.Duration:
			if _, kind := find(j.data, key, 0); kind == unstable.Integer || kind == unstable.Float {
				j.mistake(key, 0, `%v needs quotes and a unit, such as "90s", "5m" or "5d"`, v.Int())
			}
		case int, serve.Size:
			if v.Int() < 0 {
				j.mistake(key, 0, "%d is negative", v.Int())
			}
		default:
			if v.Kind() == reflect.Struct {
				j.numbers(v, key+".")
			}
		}
	}
}
