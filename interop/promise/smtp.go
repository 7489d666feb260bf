package promise

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
)

// reply reads one of SMTP. One that is not of the class is a refusal.
func (c *conn) reply(class string) error {
	for {
		l, err := c.line()
		if err != nil {
			return err
		}
		if len(l) < 4 || l[3] != '-' {
			if !strings.HasPrefix(l, class) {
				return refusal(l)
			}
			return nil
		}
	}
}

func (c *conn) ask(class, line string) error {
	if err := c.send(line + "\r\n"); err != nil {
		return err
	}
	return c.reply(class)
}

// greet is the beginning of a session.
func (c *conn) greet(hello string) error {
	if err := c.reply("220"); err != nil {
		return err
	}
	return c.ask("250", hello)
}

// transaction sends a letter; from and to are addresses. With LMTP each
// recipient has an answer.
func (l *Load) transaction(c *conn, m letter, from string, to []string, lmtp bool) error {
	err := c.ask("250", "MAIL FROM:<"+from+">")
	for _, r := range to {
		if err == nil {
			err = c.ask("250", "RCPT TO:<"+r+">")
		}
	}
	chunk := !lmtp && rand.IntN(4) == 0
	if err == nil && !chunk {
		err = c.ask("354", "DATA")
	}
	if err != nil {
		return err
	}
	l.leaves(m)
	content := text(m.id)
	if chunk {
		err = c.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(content), content))
	} else {
		err = c.send(string(dotted(content)))
	}
	if err != nil {
		return err
	}
	answers := 1
	if lmtp {
		answers = len(to)
	}
	refused := error(nil)
	for range answers {
		if err = c.reply("250"); err != nil && !isRefusal(err) {
			return err
		}
		if err != nil {
			refused = err
		}
	}
	return refused
}

// letters are sent until the connection breaks.
func (l *Load) letters(ctx context.Context, c *conn, door string, next func() (m letter, from string, to []string)) error {
	for ctx.Err() == nil {
		m, from, to := next()
		err := l.count(door, l.transaction(c, m, from, to, door == "LMTP"))
		l.answered(m, err)
		if isRefusal(err) {
			err = c.ask("250", "RSET")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *Load) strangers(ctx context.Context, c *conn) error {
	if err := c.greet("EHLO stranger.test"); err != nil {
		return err
	}
	return l.letters(ctx, c, "SMTP", func() (letter, string, []string) { return l.fromOutside("smtp") })
}

func (l *Load) frontServer(ctx context.Context, c *conn) error {
	if err := c.greet("LHLO front.test"); err != nil {
		return err
	}
	return l.letters(ctx, c, "LMTP", func() (letter, string, []string) { return l.fromOutside("lmtp") })
}

// fromOutside is a letter to one recipient, or to several.
func (l *Load) fromOutside(kind string) (m letter, from string, to []string) {
	m.id = l.name(kind)
	n := 1
	if rand.IntN(3) == 0 {
		n = 1 + rand.IntN(len(receivers))
	}
	for _, i := range rand.Perm(len(receivers))[:n] {
		m.users = append(m.users, receivers[i])
		to = append(to, l.address(receivers[i]))
	}
	return m, "stranger@stranger.test", to
}

func (l *Load) address(user string) string { return user + "@" + l.at.Domain }

// submit is a person whose mail goes to one recipient elsewhere, and to some here.
func (l *Load) submit(ctx context.Context, c *conn) error {
	err := c.greet("EHLO client.test")
	if err == nil {
		err = c.ask("220", "STARTTLS")
	}
	if err == nil {
		err = c.secure()
	}
	if err == nil {
		err = c.ask("250", "EHLO client.test")
	}
	if err == nil {
		err = l.count("AUTH", c.ask("235", "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+l.address(submitter)+"\x00"+l.at.Password))))
	}
	if err != nil {
		return err
	}
	return l.letters(ctx, c, "submission", func() (m letter, from string, to []string) {
		m.id = l.name("sub")
		m.remote = m.id + "@" + Domain
		to = []string{m.remote}
		if rand.IntN(3) == 0 {
			m.users = []string{"bob"}
			to = append(to, l.address("bob"))
		}
		return m, l.address(submitter), to
	})
}
