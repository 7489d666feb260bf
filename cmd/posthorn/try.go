package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// trial is what `posthorn try` was asked for.
type trial struct {
	dir       string
	temporary bool // dir is removed at the end
	domain    string
	users     int
	password  string
	ports     []trialPort
}

// trialPort is one of the ports of `try`. Address is the one that was asked
// for; without one the usual port is taken, and a free one when that is taken.
type trialPort struct {
	name     string
	usual    int
	address  string
	security string // what to choose in a mail program
	field    func(*Config) *string
}

func trialPorts() []trialPort {
	return []trialPort{
		{"smtp", 2525, "", "STARTTLS offered", func(c *Config) *string { return &c.SMTP.Listen }},
		{"submission", 2587, "", "STARTTLS", func(c *Config) *string { return &c.Submission.Listen }},
		{"submissions", 2465, "", "SSL/TLS", func(c *Config) *string { return &c.Submission.ListenTLS }},
		{"imap", 2143, "", "STARTTLS", func(c *Config) *string { return &c.IMAP.Listen }},
		{"imaps", 2993, "", "SSL/TLS", func(c *Config) *string { return &c.IMAP.ListenTLS }},
		{"pop3", 2110, "", "STARTTLS", func(c *Config) *string { return &c.POP3.Listen }},
		{"pop3s", 2995, "", "SSL/TLS", func(c *Config) *string { return &c.POP3.ListenTLS }},
	}
}

func (c *cli) tryCommand() *cobra.Command {
	t := &trial{ports: trialPorts()}
	cmd := &cobra.Command{
		Use:   "try",
		Short: "Run a complete server with a demo domain on loopback ports, to look at it",
		Long: `Makes a data folder with a domain and accounts, listens on loopback ports above 1024, delivers a message of
welcome and shows what happens. Needs no config, no root and no DNS. Mail for other domains goes to a folder.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.try(cmd.Context(), t) },
	}
	f := cmd.Flags()
	f.StringVar(&t.dir, "dir", "", "data `FOLDER`, kept at the end (default: a temporary one, removed)")
	f.StringVar(&t.domain, "domain", "example.test", "the `DOMAIN`")
	f.IntVar(&t.users, "users", 2, "`NUMBER` of accounts, user1@ and so on")
	f.StringVar(&t.password, "password", "", "`PASSWORD` of all accounts (default: one made up for each)")
	for i := range t.ports {
		p := &t.ports[i]
		f.StringVar(&p.address, p.name, "", fmt.Sprintf("`ADDRESS` to listen on (default 127.0.0.1:%d)", p.usual))
	}
	return cmd
}

// try runs the demo until ctx is done.
func (c *cli) try(ctx context.Context, t *trial) (err error) {
	if _, err := parseDomain(t.domain); err != nil {
		return err
	}
	if t.users < 1 {
		return usage(errors.New("--users: at least one"))
	}
	if t.dir == "" {
		if t.dir, err = os.MkdirTemp("", "posthorn-try-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(t.dir)) }()
		t.temporary = true
	} else if t.dir, err = filepath.Abs(t.dir); err != nil {
		return err
	}
	cfg, err := t.config()
	if err != nil {
		return err
	}
	log := slog.New(newEvents(c.err, slog.LevelInfo, isTerminal(c.err)))
	h, err := build(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.loadCertificates(); err != nil {
		return err
	}
	listeners, err := h.listen()
	if err != nil {
		return err
	}
	accounts, err := t.populate(ctx, h)
	if err != nil {
		return err
	}
	if err := c.introduce(t, h, listeners, accounts); err != nil {
		return err
	}
	return h.run(ctx, listeners, func(ctx context.Context) {
		t.welcome(ctx, h, accounts)
		h.tend(ctx, nil, nil)
	})
}
