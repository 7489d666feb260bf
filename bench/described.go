package main

import (
	"fmt"
	"strconv"
	"strings"

	"posthorn/interop/peer"
)

// described is a server that somebody else has started, from the text of -at: words
// of the form key=value.
func described(text string) (*peer.Server, error) {
	s := &peer.Server{Name: "at"}
	pattern, n := "", len(users)
	var pids []int
	set := map[string]*string{"name": &s.Name, "smtp": &s.SMTP, "submission": &s.Submission, "imap": &s.IMAP, "imaps": &s.IMAPS,
		"pop3": &s.POP3, "pop3s": &s.POP3S, "password": &s.Password, "users": &pattern}
	for _, word := range strings.Fields(text) {
		key, value, ok := strings.Cut(word, "=")
		switch field := set[key]; {
		case !ok:
			return nil, fmt.Errorf("%q is not key=value", word)
		case field != nil:
			*field = value
		case key == "pid": // of its processes without their children, with commas
			for _, p := range strings.Split(value, ",") {
				pid, err := strconv.Atoi(p)
				if err != nil {
					return nil, fmt.Errorf("pid: %w", err)
				}
				pids = append(pids, pid)
			}
		default:
			return nil, fmt.Errorf("unknown key %q", key)
		}
	}
	local, domain, ok := strings.Cut(pattern, "@")
	if !ok || strings.Count(local, "%d") != 1 {
		return nil, fmt.Errorf("users=%q is not like user%%d@example.test; there must be %d, from 1", pattern, n)
	}
	s.Domain = domain
	for i := range n {
		s.Users = append(s.Users, strings.Replace(pattern, "%d", strconv.Itoa(i+1), 1))
	}
	s.Roots = func() []int { return pids }
	return s, nil
}
