package main

import (
	"context"
	"os"
	"reflect"
	"strings"
	"time"
)

// renewal is how often our own certificate is looked at.
const renewal = 24 * time.Hour

// tend does what has to be done beside serving until ctx is done: answer the
// administrator, reload on SIGHUP, renew the certificate we made ourselves.
func (h *house) tend(ctx context.Context, hangups <-chan os.Signal, load func() (*Config, error)) {
	day := time.NewTicker(renewal)
	defer day.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-day.C:
			if err := h.loadCertificates(); err != nil {
				h.log.Warn("the certificate was not renewed", "error", err)
			}
		case <-hangups:
			cfg, err := load()
			if err != nil {
				h.log.Warn("config not reloaded: the old one stays", "error", err)
				continue
			}
			h.reload(cfg)
		}
	}
}

// reload takes over what may change while the server runs: [limits], the
// level of [log], and the files of [tls]. What else has changed is named.
func (h *house) reload(cfg *Config) {
	if restart := h.config.differs(cfg); len(restart) > 0 {
		h.log.Warn("these changes need a restart", "tables", strings.Join(restart, " "))
	}
	logLevel.Set(cfg.Log.Level)
	for _, l := range h.limiters {
		l.SetLimits(cfg.Limits)
	}
	h.config.TLS, h.config.Limits, h.config.Log.Level = cfg.TLS, cfg.Limits, cfg.Log.Level
	if err := h.loadCertificates(); err != nil {
		h.log.Warn("the certificate was not reloaded: the old one stays", "error", err)
		return
	}
	h.log.Info("config and certificates are reloaded")
}

// differs names the keys and tables, of those that reload cannot take over,
// in which two configs differ.
func (c *Config) differs(other *Config) (names []string) {
	a, b := *c, *other
	b.TLS, b.Limits, b.Log.Level = a.TLS, a.Limits, a.Log.Level
	v, w := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("toml"), ",")
		if name != "" && !reflect.DeepEqual(v.Field(i).Interface(), w.Field(i).Interface()) {
			names = append(names, name)
		}
	}
	return names
}
