package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// passwordFlag adds --password-stdin. There is no flag for the password
// itself: a command line can be read by everybody on the machine.
func passwordFlag(cmd *cobra.Command, stdin *bool) {
	cmd.Flags().BoolVar(stdin, "password-stdin", false, "read the password from the first line of standard input")
}

// terminal is standard input's file descriptor when somebody sits there.
func (c *cli) terminal() (fd int, ok bool) {
	f, ok := c.in.(*os.File)
	if !ok {
		return 0, false
	}
	return int(f.Fd()), term.IsTerminal(int(f.Fd()))
}

// password asks for a user's password twice, or takes it from a line of
// standard input.
func (c *cli) password(ctx context.Context, user string, stdin bool) (string, error) {
	if stdin {
		line, err := interruptible(ctx, func() (string, error) { return bufio.NewReader(c.in).ReadString('\n') })
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return checkPassword(strings.TrimRight(line, "\r\n"))
	}
	fd, ok := c.terminal()
	if !ok {
		return "", usage(errors.New("nobody can be asked for the password: use --password-stdin"))
	}
	first, err := c.askSecret(ctx, fd, "Password for "+user+": ")
	if err != nil {
		return "", err
	}
	again, err := c.askSecret(ctx, fd, "The same again: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", usage(errors.New("the two passwords differ"))
	}
	return checkPassword(first)
}

func (c *cli) askSecret(ctx context.Context, fd int, prompt string) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	fmt.Fprint(c.err, prompt)
	secret, err := interruptible(ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
	fmt.Fprintln(c.err)
	if err != nil {
		err = errors.Join(err, term.Restore(fd, before)) // shows again what is typed
		return "", fmt.Errorf("read the password: %w", err)
	}
	return string(secret), nil
}

// interruptible waits for read, which waits for somebody at the terminal, or
// for Ctrl-C. Read may go on after that; the process is about to end.
func interruptible[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		v, err := read()
		done <- outcome{v, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, errors.New("interrupted")
	}
}

func checkPassword(p string) (string, error) {
	if p == "" {
		return "", usage(errors.New("the password is empty"))
	}
	return p, nil
}

// confirm lets somebody at the terminal type a word before something that
// cannot be undone.
func (c *cli) confirm(ctx context.Context, warning, word string) error {
	if _, ok := c.terminal(); !ok {
		return usage(errors.New("nobody can be asked whether this is meant: use --yes"))
	}
	fmt.Fprintf(c.err, "%s Type %s to go on: ", warning, word)
	line, err := interruptible(ctx, func() (string, error) { return bufio.NewReader(c.in).ReadString('\n') })
	if err != nil || strings.TrimSpace(line) != word {
		return errors.New("nothing was done")
	}
	return nil
}
