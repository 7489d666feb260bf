package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"posthorn/auth"
	"posthorn/check"
	"posthorn/imapd"
	"posthorn/internal/serve"
	"posthorn/mda"
	"posthorn/pop3d"
	"posthorn/queue"
	"posthorn/relay"
	"posthorn/smtpd"
)

// configFiles are looked for, in this order, when --config is not given.
var configFiles = []string{"posthorn.toml", "/etc/posthorn/posthorn.toml"}

// Config is the whole config file. Every package declares its own part; here
// they are put together. Users, domains and aliases are not in it: they live
// in the data folder. Paths in it are relative to the file.
type Config struct {
	Hostname string `toml:"hostname"` // in greetings, EHLO and Received; "" for the machine's own name
	DataDir  string `toml:"data_dir"`

	SMTP       smtpd.Config     `toml:"smtp"`
	Submission smtpd.Config     `toml:"submission"`
	LMTP       smtpd.LMTPConfig `toml:"lmtp"`
	IMAP       imapd.Config     `toml:"imap"`
	POP3       pop3d.Config     `toml:"pop3"`
	TLS        TLSConfig        `toml:"tls"`
	DNS        DNSConfig        `toml:"dns"`
	Limits     serve.Limits     `toml:"limits"` // of each of the four servers
	Auth       auth.Config      `toml:"auth"`
	Check      check.Config     `toml:"check"`
	MDA        mda.Config       `toml:"mda"`
	Queue      queue.Config     `toml:"queue"`
	Relay      relay.Config     `toml:"relay"`
	Log        LogConfig        `toml:"log"`
	Route      []relay.Route    `toml:"route"`

	file string
	text []byte // of the file
}

// TLSConfig names the certificate. Without one the server makes its own, with
// an authority of its own, in the data folder.
type TLSConfig struct {
	Certificate string `toml:"certificate"` // PEM, the chain
	Key         string `toml:"key"`         // PEM
	ClientCA    string `toml:"client_ca"`   // PEM: whose certificates people may log in with; "" for nobody's
}

// DNSConfig says who answers questions of the DNS.
type DNSConfig struct {
	Resolver string `toml:"resolver"` // "HOST:PORT", "" for /etc/resolv.conf, "none" for nobody
	Trusted  bool   `toml:"trusted"`  // it validates DNSSEC, and nobody can come between it and us
}

// DefaultConfig is what stands where the file says nothing.
func DefaultConfig() Config {
	return Config{
		DataDir:    "/var/lib/posthorn",
		SMTP:       smtpd.DefaultConfig(),
		Submission: smtpd.DefaultSubmissionConfig(),
		LMTP:       smtpd.DefaultLMTPConfig(),
		IMAP:       imapd.DefaultConfig(),
		POP3:       pop3d.DefaultConfig(),
		Limits:     serve.DefaultLimits(),
		Auth:       auth.DefaultConfig(),
		Check:      check.DefaultConfig(),
		MDA:        mda.DefaultConfig(),
		Queue:      queue.DefaultConfig(),
		Relay:      relay.DefaultConfig(),
		Log:        defaultLogConfig(),
	}
}

// loadConfig reads the file that --config names, or the first of configFiles
// that is there. Every mistake in it is an error that exits with 2.
func (c *cli) loadConfig() (*Config, error) {
	file := c.config
	for _, f := range configFiles {
		if file != "" {
			break
		}
		if _, err := os.Stat(f); err == nil {
			file = f
		}
	}
	if file == "" {
		return nil, usage(fmt.Errorf("no config file: there is neither %s nor %s; copy config.example.toml, or see posthorn try", configFiles[0], configFiles[1]))
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage(fmt.Errorf("config file %s does not exist", file))
	}
	if err != nil {
		return nil, usage(fmt.Errorf("config file: %w", err))
	}
	cfg, err := parseConfig(file, data)
	if err != nil {
		return nil, usage(err)
	}
	return cfg, nil
}

// parseConfig decodes a config file strictly and judges its values.
func parseConfig(file string, data []byte) (*Config, error) {
	cfg := DefaultConfig()
	d := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	if err := d.Decode(&cfg); err != nil {
		return nil, decodeErrors(file, data, err)
	}
	cfg.file, cfg.text = file, data
	if cfg.Hostname == "" {
		name, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("%s: hostname: %w", file, err)
		}
		cfg.Hostname = name
	}
	cfg.Hostname = strings.ToLower(strings.TrimSuffix(cfg.Hostname, "."))
	if err := cfg.judge(file, data); err != nil {
		return nil, err
	}
	cfg.resolvePaths(filepath.Dir(file))
	return &cfg, nil
}

// resolvePaths makes paths that are relative to the config file, as they are
// written, relative to where the program runs.
func (c *Config) resolvePaths(base string) {
	paths := []*string{&c.DataDir, &c.TLS.Certificate, &c.TLS.Key, &c.TLS.ClientCA,
		&c.Auth.OIDC.ClientSecretFile, &c.Auth.OIDC.CAFile, &c.Relay.CAFile}
	if isPath(c.LMTP.Listen) {
		paths = append(paths, &c.LMTP.Listen)
	}
	for i := range c.Route {
		r := &c.Route[i]
		paths = append(paths, &r.PasswordFile, &r.CAFile)
		if dir, ok := strings.CutPrefix(r.Via, "file:"); ok && !filepath.IsAbs(dir) {
			r.Via = "file:" + filepath.Join(base, dir)
		}
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(base, *p)
		}
	}
}

// mda is the delivery agent's config with the name that <postmaster> is at.
func (c *Config) mda() mda.Config {
	m := c.MDA
	m.Hostname = c.Hostname
	return m
}

// check is the checks' config with how our own mail leaves.
func (c *Config) check() check.Config {
	k := c.Check
	k.BATV = c.MDA.BATV
	return k
}

// queue is the queue's config with the name that signs its reports.
func (c *Config) queue() queue.Config {
	q := c.Queue
	q.Hostname = c.Hostname
	return q
}

// relay is the relay's config with the routes, which stand beside it in the
// file.
func (c *Config) relay() relay.Config {
	r := c.Relay
	r.Routes = c.Route
	return r
}
