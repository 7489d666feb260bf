package main

import (
	"bufio"
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
func (c *cli) password(user string, stdin bool) (string, error) {
	if stdin {
		line, err := bufio.NewReader(c.in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return checkPassword(strings.TrimRight(line, "\r\n"))
	}
	fd, ok := c.terminal()
	if !ok {
		return "", usage(errors.New("nobody can be asked for the password: use --password-stdin"))
	}
	first, err := c.askSecret(fd, "Password for "+user+": ")
	if err != nil {
		return "", err
	}
	again, err := c.askSecret(fd, "The same again: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", usage(errors.New("the two passwords differ"))
	}
	return checkPassword(first)
}

func (c *cli) askSecret(fd int, prompt string) (string, error) {
	fmt.Fprint(c.err, prompt)
	b, err := term.ReadPassword(fd)
	fmt.Fprintln(c.err)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return string(b), nil
}

func checkPassword(p string) (string, error) {
	if p == "" {
		return "", usage(errors.New("the password is empty"))
	}
	return p, nil
}

// confirm lets somebody at the terminal type a word before something that
// cannot be undone.
func (c *cli) confirm(warning, word string) error {
	if _, ok := c.terminal(); !ok {
		return usage(errors.New("nobody can be asked whether this is meant: use --yes"))
	}
	fmt.Fprintf(c.err, "%s Type %s to go on: ", warning, word)
	line, err := bufio.NewReader(c.in).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != word {
		return errors.New("nothing was done")
	}
	return nil
}
