package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"slices"

	"github.com/spf13/cobra"

	"posthorn/mail"
)

// Exit codes of sysexits.h, by which scripts and cron know whether to try
// again.
const (
	exNoUser      = 67 // EX_NOUSER: a recipient does not exist
	exUsage       = 64 // EX_USAGE
	exUnavailable = 69 // EX_UNAVAILABLE: refused for another reason
	exTempFail    = 75 // EX_TEMPFAIL: nothing was sent, try again
	exNoPerm      = 77 // EX_NOPERM: the socket is its owner's alone
	exConfig      = 78 // EX_CONFIG
)

// sendmailFlags are those of the sendmail command that scripts use. What else
// they pass is taken and has no effect.
type sendmailFlags struct {
	header, dots bool
	sender, name string
	options      []string // -oi, -oem, -odb ...
	ignored      string
}

func (c *cli) sendmailCommand() *cobra.Command {
	var f sendmailFlags
	cmd := &cobra.Command{
		Use:   "sendmail [-t] [-i] [-f ADDRESS] [RECIPIENT...]",
		Short: "Send the message on standard input, as scripts and cron do",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.sendmail(cmd, &f, args)
		},
	}
	fl := cmd.Flags()
	fl.BoolVarP(&f.header, "header-recipients", "t", false, "send to the addresses in To, Cc and Bcc too")
	fl.BoolVarP(&f.dots, "ignore-dots", "i", false, "a line with a single dot does not end the message")
	fl.StringVarP(&f.sender, "sender", "f", "", "return path `ADDRESS`, <> for none (default: the user)")
	fl.StringVarP(&f.name, "name", "F", "", "full `NAME` for the From field")
	fl.StringArrayVarP(&f.options, "option", "o", nil, "sendmail options; i is -i, others have no effect")
	for _, short := range "BNRVr" {
		fl.StringVarP(&f.ignored, "sendmail-"+string(short), string(short), "", "no effect")
		fl.MarkHidden("sendmail-" + string(short))
	}
	fl.StringVarP(&f.ignored, "mode", "b", "m", "m, the only mode")
	fl.MarkHidden("mode")
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exitError{exUsage, err} })
	return cmd
}

func (c *cli) sendmail(cmd *cobra.Command, f *sendmailFlags, args []string) error {
	if mode := cmd.Flag("mode").Value.String(); cmd.Flags().Changed("mode") && mode != "m" {
		return exitError{exUsage, fmt.Errorf("sendmail -b%s is not offered", mode)}
	}
	l := letter{User: userName(), FullName: f.name, To: args, Header: f.header}
	if cmd.Flags().Changed("sender") {
		l.Sender = &f.sender
	}
	if len(args) == 0 && !f.header {
		return exitError{exUsage, errors.New("sendmail needs recipients, or -t")}
	}
	if _, err := c.loadConfig(); err != nil {
		return exitError{exConfig, err}
	}
	content, err := interruptible(cmd.Context(), func() ([]byte, error) {
		return readLetter(c.in, f.dots || slices.Contains(f.options, "i"))
	})
	if err != nil {
		return exitError{exTempFail, err}
	}
	l.Content = content
	out, err := sendMail.ask(cmd.Context(), c, l)
	if err != nil {
		return sysexit(err)
	}
	if out.Refused == nil {
		if c.json {
			return c.print(out, nil)
		}
		return nil // a script that sent its mail is silent
	}
	return c.refusals(out)
}

// refusals says who was refused and why, and how to exit.
func (c *cli) refusals(out sent) error {
	code := exNoUser
	for _, r := range out.Refused {
		switch {
		case r.Reply.Temporary():
			code = exTempFail
		case code != exTempFail && !errors.Is(r.Reply, mail.NoSuchMailbox):
			code = exUnavailable
		}
		fmt.Fprintf(c.err, "posthorn: %s: %s\n", or(r.Address, "not sent"), r.Reply)
	}
	if c.json {
		if err := c.print(out, nil); err != nil {
			return err
		}
	}
	return exitError{code, errSaid}
}

// sysexit gives an error of the verb sendmail's exit code. Whatever went
// wrong, nothing was sent.
func sysexit(err error) error {
	var e exitError
	switch {
	case errors.As(err, &e) && e.code == exitUsage:
		return exitError{exUsage, err}
	case errors.Is(err, fs.ErrPermission):
		return exitError{exNoPerm, err}
	}
	return exitError{exTempFail, err}
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "nobody"
}
