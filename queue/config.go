package queue

import (
	"errors"
	"time"

	"posthorn/internal/serve"
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
	}
}

// Check tells what is wrong with a configuration.
func (c Config) Check() error {
	switch {
	case c.Expire <= 0 || c.FirstRetry <= 0:
		return errors.New("queue: expire and first_retry must be more than nothing")
	case c.MaxRetry < c.FirstRetry:
		return errors.New("queue: max_retry is less than first_retry")
	case c.Connections < 1 || c.PerDestination < 1:
		return errors.New("queue: connections and per_destination must be 1 at least")
	}
	return nil
}
