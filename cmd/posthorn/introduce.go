package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"golang.org/x/term"
)

// introduction is what `try --json` prints before it goes on.
type introduction struct {
	Dir       string            `json:"dir"`
	Config    string            `json:"config"`
	Outgoing  string            `json:"outgoing"`
	Authority string            `json:"authority"`
	Accounts  []demoAccount     `json:"accounts"`
	Listening map[string]string `json:"listening"`
}

// introduce says how to connect.
func (c *cli) introduce(t *trial, h *house, ls []listener, accounts []demoAccount) error {
	in := introduction{t.dir, t.file(), t.outgoing(), h.authority(), accounts, map[string]string{}}
	for _, l := range ls {
		in.Listening[l.service.name] = l.Addr().String()
	}
	return c.print(in, func() { c.printIntroduction(t, in) })
}

func (c *cli) printIntroduction(t *trial, in introduction) {
	fmt.Fprintf(c.out, "Posthorn serves %s on this machine. Nothing leaves it, and no DNS is asked.\n\n", t.domain)
	var rows [][]string
	for _, a := range in.Accounts {
		rows = append(rows, []string{a.Address, a.Password})
	}
	c.table("ACCOUNT PASSWORD", rows, "")
	fmt.Fprintln(c.out)
	rows = nil
	for _, p := range t.ports {
		rows = append(rows, []string{p.name, in.Listening[p.name], p.security})
	}
	c.table("SERVICE ADDRESS SECURITY", rows, "")
	host, imap, _ := net.SplitHostPort(in.Listening["imaps"])
	_, smtp, _ := net.SplitHostPort(in.Listening["submissions"])
	fmt.Fprintf(c.out, `
Thunderbird: New Account > Email > Manual configuration
  incoming  IMAP  host %s  port %s  SSL/TLS  normal password  user name %s
  outgoing  SMTP  host %[1]s  port %[4]s  SSL/TLS  normal password  user name %[3]s
  The certificate is our own: confirm it once, or import %[5]s

Mail for other domains is put into %[6]s
Other verbs: %[9]s --config %[7]s user list
Ctrl-C ends it%[8]s.

`, host, imap, in.Accounts[0].Address, smtp, in.Authority, in.Outgoing, in.Config, t.after(), invoked(os.Args[0]))
}

// invoked is how somebody has started this program, and starts it again.
func invoked(program string) string {
	if strings.Contains(program, "/go-build") { // `go run` has removed it by then
		return "go run ./cmd/posthorn"
	}
	return program
}

// after says what becomes of the data folder.
func (t *trial) after() string {
	if t.temporary {
		return " and removes " + t.dir
	}
	return "; " + t.dir + " stays"
}

// isTerminal tells whether somebody reads what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""
}
