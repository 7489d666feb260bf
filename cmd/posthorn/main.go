// Command posthorn is the whole mail server and the administrator's verbs.
// `serve` builds the floors bottom up and takes them down again from the top;
// `try` does the same with a demo domain on loopback; every other verb asks
// the running server over its socket, or opens the data folder itself when no
// server runs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes of every verb but sendmail, which uses those of sysexits.h.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // the command line or the config file is wrong
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The second signal kills: once the first has been taken, the default
	// action is back.
	context.AfterFunc(ctx, stop)
	args := os.Args[1:]
	if filepath.Base(os.Args[0]) == "sendmail" { // a link, as /usr/sbin/sendmail
		args = append([]string{"sendmail"}, args...)
	}
	os.Exit(run(ctx, args, os.Stdin, os.Stdout, os.Stderr))
}

// cli is what every command works with: the three streams and the flags that
// all verbs share.
type cli struct {
	in       io.Reader
	out, err io.Writer
	config   string // --config; "" looks in the usual places
	json     bool
}

// run executes one command line and gives its exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	c := &cli{in: in, out: out, err: errs}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	if !errors.Is(err, errSaid) {
		fmt.Fprintln(errs, "posthorn:", err)
	}
	var e exitError
	if errors.As(err, &e) {
		return e.code
	}
	return exitFailed
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "posthorn",
		Short:         "A mail server in one program",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().StringVar(&c.config, "config", "", "config `FILE` (default posthorn.toml, then /etc/posthorn/posthorn.toml)")
	root.PersistentFlags().BoolVar(&c.json, "json", false, "print JSON")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.AddCommand(
		c.tryCommand(), c.serveCommand(),
		c.domainCommand(), c.userCommand(), c.appPasswordCommand(), c.aliasCommand(),
		c.queueCommand(), c.traceCommand(), c.tlsCommand(), c.explainCommand(), c.sendmailCommand(),
		c.checkCommand(), c.reindexCommand(), c.configCommand(),
	)
	usageArgs(root)
	return root
}

// group is a command that only holds others.
func group(use, short string, of ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SetOut(cmd.ErrOrStderr())
			cmd.Usage()
			return usage(fmt.Errorf("%s needs one of its verbs", cmd.CommandPath()))
		}}
	g.AddCommand(of...)
	return g
}

// usageArgs makes a wrong number of arguments a usage error everywhere.
func usageArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usage(fmt.Errorf("%w\nusage: %s", err, cmd.UseLine()))
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		usageArgs(sub)
	}
}

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	error
}

func (e exitError) Unwrap() error { return e.error }

func usage(err error) error { return exitError{exitUsage, err} }

// errSaid marks a failure whose words are on the screen already.
var errSaid = errors.New("said already")
