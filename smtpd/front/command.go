package front

import (
	"bytes"
	"strings"

	"posthorn/mail"
)

// command is one verb. The table is where legality is decided: what run sees
// has come at the right time.
type command struct {
	verb     string
	needs    need
	run      func(c *Conn, cmd *command, arg string) error
	answered func(c *Conn, code int, reply []byte) error // nil: go-smtp's reply is handed on
}

// need is what a command asks of the session before it.
type need uint8

const (
	needHello  need = 1 << iota // EHLO or HELO (RFC 5321 §4.1.4)
	needNoMail                  // no transaction
	needMail                    // a transaction
	needNoArg                   // the verb alone
	onlySMTP                    // not a command of LMTP
	onlyLMTP                    // not a command of SMTP
	ends                        // ends a transaction, even between the chunks of a message
	aside                       // changes nothing: allowed between chunks too
)

var commands map[string]*command

func init() { // not a literal: rows refer to functions that refer to the table
	commands = map[string]*command{}
	for _, cmd := range []*command{
		{"EHLO", ends | onlySMTP, (*Conn).runHello, (*Conn).answerHello},
		{"HELO", ends | onlySMTP, (*Conn).runHello, (*Conn).answerHello},
		{"LHLO", ends | onlyLMTP, (*Conn).runHello, (*Conn).answerHello},
		{"STARTTLS", needNoMail | needNoArg, (*Conn).runStartTLS, nil},
		{"AUTH", needHello | needNoMail, (*Conn).runAuth, (*Conn).answerAuth},
		{"MAIL", needHello | needNoMail, (*Conn).runMail, (*Conn).answerMail},
		{"RCPT", needHello | needMail, (*Conn).runRcpt, (*Conn).answerRcpt},
		{"DATA", needHello | needMail | needNoArg, (*Conn).runData, (*Conn).answerContent},
		{"BDAT", 0, (*Conn).runBdat, (*Conn).answerContent},
		{"RSET", needNoArg | ends, (*Conn).runReset, (*Conn).answerReset},
		{"QUIT", needNoArg | ends, (*Conn).runQuit, (*Conn).answerQuit},
		{"NOOP", aside, fixed(mail.OK), nil},
		{"VRFY", aside, fixed(mail.CannotVerify), nil},
		{"EXPN", aside, fixed(mail.NotImplemented.With("EXPN")), nil},
		{"HELP", aside, fixed(mail.NotImplemented.With("HELP")), nil},
		{"PROXY", 0, (*Conn).runSpoofed, nil},
		{"XCLIENT", 0, (*Conn).runSpoofed, nil},
	} {
		commands[cmd.verb] = cmd
	}
}

// fixed answers without go-smtp.
func fixed(r mail.Reply) func(*Conn, *command, string) error {
	return func(c *Conn, _ *command, _ string) error {
		c.say(r)
		return nil
	}
}

// commandLine reads the next command. It gives nil when what came has been
// answered already.
func (c *Conn) commandLine() ([]byte, error) {
	c.slowDown()
	if err := c.impatient(); err != nil {
		return nil, err
	}
	b, err := c.line(commandLimit)
	if err == errTooLong {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !bytes.HasSuffix(b, []byte(crlf)) || bytes.IndexByte(b[:len(b)-2], '\r') >= 0 {
		if c.isSpoofedProxy(b) {
			return nil, c.hangup(mail.NotTrusted)
		}
		c.say(mail.BadLineEnd)
		return nil, nil
	}
	return b, nil
}

// parse splits a line into verb and argument. White space around both is
// ignored, as everyone does.
func parse(b []byte) (cmd *command, arg string) {
	b = bytes.TrimRight(b, " \t\r\n")
	verb, rest, _ := bytes.Cut(b, []byte{' '})
	if len(verb) <= len("STARTTLS") {
		cmd = commands[strings.ToUpper(string(verb))]
	}
	return cmd, string(bytes.TrimLeft(rest, " \t"))
}

// command checks whether a command may come now and runs it.
func (c *Conn) command(b []byte) error {
	cmd, arg := parse(b)
	if cmd == nil || !c.speaks(cmd) {
		c.say(mail.BadCommand)
		return nil
	}
	if r, ok := c.legal(cmd, arg); !ok {
		c.say(r)
		return nil
	}
	return cmd.run(c, cmd, arg)
}

// speaks tells whether a command is of this listener's protocol (RFC 2033 §4.1).
func (c *Conn) speaks(cmd *command) bool {
	if c.cfg.LMTP {
		return cmd.needs&onlySMTP == 0
	}
	return cmd.needs&onlyLMTP == 0
}

// legal gives the refusal of a command that may not come now.
func (c *Conn) legal(cmd *command, arg string) (mail.Reply, bool) {
	switch n := cmd.needs; {
	case n&needHello != 0 && !c.hello:
		return mail.BadSequence.With("Say " + c.cfg.protocol().hello + " first"), false
	case n&needNoMail != 0 && c.inMail:
		return mail.BadSequence.With("A mail transaction is open"), false
	case n&needMail != 0 && !c.inMail:
		return mail.BadSequence.With("Say MAIL first"), false
	case n&needNoArg != 0 && arg != "":
		return mail.BadSyntax.With(cmd.verb + " takes no argument"), false
	}
	return mail.Reply{}, true
}

// ended forgets the transaction.
func (c *Conn) ended() {
	c.inMail, c.rcpts = false, 0
	c.setBusy(false)
}

func (c *Conn) runReset(cmd *command, _ string) error {
	c.pass(cmd, "RSET")
	return nil
}

func (c *Conn) answerReset(code int, b []byte) error {
	c.asked = nil
	c.ended()
	c.out = appendReply(c.out, mail.OK)
	return nil
}

func (c *Conn) runQuit(cmd *command, _ string) error {
	c.pass(cmd, "QUIT")
	return nil
}

// answerQuit says goodbye. Nothing that was sent after QUIT counts.
func (c *Conn) answerQuit(code int, b []byte) error {
	c.asked = nil
	c.out = append(c.out, "221 2.0.0 Bye\r\n"...)
	err := c.flush()
	c.dead = true
	return err
}
