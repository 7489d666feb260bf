package queue

import (
	"errors"
	"strings"
	"time"

	"posthorn/internal/serve"
	"posthorn/queue/words"
)

// Config is [queue].
type Config struct {
	// Expire is how long a message is tried before it goes back.
	Expire serve.Duration `toml:"expire"`
	// DelayNotice is after how long its sender is told that it still waits; 0
	// tells nobody.
	DelayNotice serve.Duration `toml:"delay_notice"`
	// FirstRetry doubles from attempt to attempt until MaxRetry.
	FirstRetry serve.Duration `toml:"first_retry"`
	MaxRetry   serve.Duration `toml:"max_retry"`
	// Connections bounds the attempts running at a time, to all destinations and
	// to one.
	Connections    int `toml:"connections"`
	PerDestination int `toml:"per_destination"`
	// Drain is how long running attempts may go on when the program ends.
	Drain serve.Duration `toml:"drain"`
	// ReturnFull is the size in octets up to which a report brings back the whole
	// message where the sender asked for it.
	ReturnFull serve.Size `toml:"return_full"`
	// HoldRefused is how many recipients at other hosts may refuse an account's
	// mail within a day before it is held, when they are HoldRefusedPercent of
	// those that were tried; 0 holds nobody.
	HoldRefused        int `toml:"hold_refused"`
	HoldRefusedPercent int `toml:"hold_refused_percent"`

	// SendingHour and SendingDay are to how many recipients an account may send
	// within an hour and a day; 0: to any number.
	SendingHour int `toml:"sending_hour"`
	SendingDay  int `toml:"sending_day"`

	// Language is that of reports to senders who have chosen none.
	Language string `toml:"language"`

	Hostname string `toml:"-"` // whose reports these are
}

// DefaultConfig is what an empty [queue] means.
func DefaultConfig() Config {
	return Config{
		Expire:         serve.Duration(5 * 24 * time.Hour),
		DelayNotice:    serve.Duration(4 * time.Hour),
		FirstRetry:     serve.Duration(5 * time.Minute),
		MaxRetry:       serve.Duration(4 * time.Hour),
		Connections:    100,
		PerDestination: 20,
		Drain:          serve.Duration(20 * time.Second),
		ReturnFull:     64 * 1024,
		Language:       words.English,

		HoldRefused: 50, HoldRefusedPercent: 25,
		SendingHour: 2_000, SendingDay: 10_000,
	}
}

// Check tells what is wrong with a configuration, by the first key that is.
func (c Config) Check() error {
	for _, rule := range []struct {
		ok   bool
		says string
	}{
		{c.Expire > 0, "queue.expire: must be more than nothing"},
		{c.DelayNotice >= 0, "queue.delay_notice: must not be less than nothing"},
		{c.FirstRetry > 0, "queue.first_retry: must be more than nothing"},
		{c.MaxRetry >= c.FirstRetry, "queue.max_retry: is less than first_retry"},
		{c.Connections >= 1, "queue.connections: must be 1 at least"},
		{words.Of(c.Language) != nil, "queue.language: is none of " + strings.Join(words.Languages(), ", ")},
		{c.HoldRefused >= 0, "queue.hold_refused: must not be less than nothing"},
		{c.HoldRefusedPercent >= 1 && c.HoldRefusedPercent <= 100, "queue.hold_refused_percent: must be from 1 to 100"},
		{c.SendingHour >= 0, "queue.sending_hour: must not be less than nothing"},
		{c.SendingDay >= 0, "queue.sending_day: must not be less than nothing"},
		{c.PerDestination >= 1, "queue.per_destination: must be 1 at least"},
	} {
		if !rule.ok {
			return errors.New(rule.says)
		}
	}
	return nil
}
