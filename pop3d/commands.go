package pop3d

import (
	"context"
	"strings"
)

// command is a row of the table.
type command struct {
	name  string
	legal state
	run   func(s *session, ctx context.Context, arg string) error
}

// commands is the spine of the package.
var commands []command

func init() { // CAPA and AUTH lead back to the table
	commands = []command{
		{"CAPA", authorization | transaction, (*session).capa},
		{"STLS", authorization, (*session).stls},
		{"UTF8", authorization, (*session).utf8},
		{"USER", authorization, (*session).userName},
		{"PASS", authorization, (*session).pass},
		{"AUTH", authorization, (*session).authenticate},
		{"STAT", transaction, (*session).stat},
		{"LIST", transaction, (*session).list},
		{"UIDL", transaction, (*session).uidl},
		{"RETR", transaction, (*session).retr},
		{"TOP", transaction, (*session).top},
		{"DELE", transaction, (*session).dele},
		{"RSET", transaction, (*session).rset},
		{"NOOP", transaction, (*session).noop},
		{"QUIT", authorization | transaction, (*session).quit},
	}
}

// find looks a verb up, in any case of letters (RFC 1939 §3).
func find(verb string, now state) (command, error) {
	for _, c := range commands {
		switch {
		case !strings.EqualFold(c.name, verb):
		case c.legal&now != 0:
			return c, nil
		case now == authorization:
			return c, refusal("Log in first")
		default:
			return c, refusal("You are logged in already")
		}
	}
	return command{}, refusal("That is not a command")
}
