package promise

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"
)

// positive reads a status line of POP3.
func (c *conn) positive() (string, error) {
	l, err := c.line()
	if err == nil && !strings.HasPrefix(l, "+OK") {
		return "", refusal(l)
	}
	return l, err
}

func (c *conn) command(line string) (string, error) {
	if err := c.send(line + "\r\n"); err != nil {
		return "", err
	}
	return c.positive()
}

// retrieve reads message n.
func (c *conn) retrieve(n int) ([]byte, error) {
	if _, err := c.command(fmt.Sprintf("RETR %d", n)); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for {
		l, err := c.line()
		if err != nil || l == "." {
			return b.Bytes(), err
		}
		b.WriteString(strings.TrimPrefix(l, ".") + "\r\n")
	}
}

// drained at a time, of which most are deleted.
const drainedAtATime = 20

// drain is one session of a program that takes its mail away.
func (l *Load) drain(ctx context.Context, c *conn) error {
	_, err := c.positive()
	if err == nil {
		_, err = c.command("STLS")
	}
	if err == nil {
		err = c.secure()
	}
	if err == nil {
		_, err = c.command("USER " + l.address(drained))
	}
	if err == nil {
		_, err = c.command("PASS " + l.at.Password)
		if isRefusal(err) && strings.Contains(err.Error(), "[IN-USE]") {
			return err // by a session that has just broken off
		}
		l.count("PASS", err)
	}
	if err != nil {
		return err
	}
	stat, err := c.command("STAT")
	if err != nil {
		return err
	}
	n := 0
	if _, err := fmt.Sscanf(stat, "+OK %d", &n); err != nil {
		return fmt.Errorf("%s: %w", stat, err)
	}
	if n == 0 {
		pause(ctx, 50*time.Millisecond)
	}
	var taken []string
	for i := range min(n, drainedAtATime) {
		id, err := l.takeAway(c, i+1)
		if err != nil {
			return err
		}
		if id != "" {
			taken = append(taken, id)
		}
	}
	box := l.inboxes[drained]
	box.leave(taken)
	_, err = c.command("QUIT")
	if l.count("QUIT", err) == nil {
		box.left(taken)
	}
	return err
}

// takeAway reads message n and deletes it, every fifth apart.
func (l *Load) takeAway(c *conn, n int) (id string, err error) {
	content, err := c.retrieve(n)
	if l.count("RETR", err) != nil {
		return "", err
	}
	id, whole := read(content)
	if !whole {
		l.problem("POP3: message %d, %q, is not whole: %d octets", n, id, len(content))
	}
	if n%5 == 0 {
		return "", nil
	}
	_, err = c.command(fmt.Sprintf("DELE %d", n))
	return id, err
}
