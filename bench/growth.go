package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"posthorn/interop/peer"
)

// The growth workload: what a server costs that has 10, 1,000 or 100,000 accounts,
// most of them idle, a mailbox of 1,000, 100,000 or 1,000,000 messages, and
// 5,000,000 in all. Each size gets a server of its own.

var growthSizes = flag.String("growth", "10,1000,100000,10+1000,10+100000,10+1000000,100000+1000000/5000000",
	"`sizes` of the growth workload: accounts, +messages of one mailbox, /messages in all")

var growthKeep = flag.String("growth-keep", "",
	"`folder` in which the growth workload keeps the stores that it makes, for the next run; without it they are removed")

// growthWorkload runs only where it is named: it takes hours.
func growthWorkload() workload {
	return workload{name: growthName, what: "the same figures at growing sizes; a column is the worst of all sizes, compared with the first",
		columns: []column{{"start", less}, {"start after kill -9", less}, {"delivery", less}, {"delivery CPU", less}, {"SELECT", less}},
		round:   measureGrowth, alone: "posthorn"}
}

const growthName = "growth"

// growthFigures is a row of the table.
type growthFigures struct {
	start, killed                   time.Duration // until every port answers
	pss                             int64         // at rest
	delivery, deliveryCPU           time.Duration
	login, sel, large, check, users time.Duration
	rows, derived                   float64 // octets a message
}

const (
	growthStarts     = 3
	growthDeliveries = 300
	growthLogins     = 20
)

func measureGrowth(*peer.Server, float64) ([]float64, error) {
	t := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "size\tstart ms\tafter kill -9\tPSS MiB\tdelivery ms\tCPU ms\tlogin ms\tSELECT ms\tlarge ms\tcheck s\tuser list s\trows B/msg\tindex B/msg\t")
	var first growthFigures
	worst := make([]float64, 5)
	for i, text := range strings.Split(*growthSizes, ",") {
		size, err := parseGrowth(text)
		if err != nil {
			return nil, err
		}
		f, err := size.measure()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.1f\t%.2f\t%.2f\t%.1f\t%.2f\t%.2f\t%.1f\t%.2f\t%.0f\t%.0f\t\n", text, ms(f.start), ms(f.killed), float64(f.pss)/(1<<20),
			ms(f.delivery), ms(f.deliveryCPU), ms(f.login), ms(f.sel), ms(f.large), f.check.Seconds(), f.users.Seconds(), f.rows, f.derived)
		if i == 0 {
			first = f
		}
		for k, pair := range [][2]time.Duration{{f.start, first.start}, {f.killed, first.killed}, {f.delivery, first.delivery},
			{f.deliveryCPU, first.deliveryCPU}, {f.sel, first.sel}} {
			worst[k] = max(worst[k], float64(pair[0])/float64(pair[1]))
		}
	}
	return worst, t.Flush()
}

// parseGrowth reads accounts[+box][/all].
func parseGrowth(text string) (g growthSize, err error) {
	rest, all, _ := strings.Cut(text, "/")
	accounts, box, _ := strings.Cut(rest, "+")
	for _, n := range []struct {
		text string
		to   *int
	}{{accounts, &g.accounts}, {box, &g.box}, {all, &g.all}} {
		if n.text == "" {
			continue
		}
		if _, err := fmt.Sscan(n.text, n.to); err != nil {
			return g, fmt.Errorf("-growth: %q is not accounts+box/all: %w", text, err)
		}
	}
	if g.accounts < 1 {
		return g, fmt.Errorf("-growth: %q has no accounts", text)
	}
	g.all = max(g.all, g.box)
	return g, nil
}

// measure makes a store of the size, unless one was kept, and measures a server
// on it.
func (g growthSize) measure() (f growthFigures, err error) {
	dir, done, err := g.folder()
	if err != nil {
		return f, err
	}
	defer done()
	p, err := peer.Posthorn{Dir: dir, Hostname: "mail." + domain, Domain: domain, Users: []string{"admin"}, Password: password,
		Plaintext: true, Config: "[check]\nspf = false\ndkim = false\ndmarc = false\n"}.StartProcess()
	if err != nil {
		return f, err
	}
	defer p.Stop()
	if err := g.made(dir, p); err != nil {
		return f, err
	}
	for _, step := range []func(*growthFigures, *peer.Process) error{g.starts, g.deliveries, g.logins, g.verbs} {
		if err := step(&f, p); err != nil {
			return f, err
		}
	}
	return f, g.sizes(&f, filepath.Join(dir, "data"))
}

// folder is where the store is: one that is removed by done, or one that was
// kept. What was not finished is made anew.
func (g growthSize) folder() (dir string, done func(), err error) {
	if *growthKeep == "" {
		dir, err = os.MkdirTemp("", "growth")
		return dir, func() { os.RemoveAll(dir) }, err
	}
	dir = filepath.Join(*growthKeep, fmt.Sprintf("%d+%d.%d", g.accounts, g.box, g.all))
	if _, err = os.Stat(filepath.Join(dir, growthMade)); errors.Is(err, fs.ErrNotExist) {
		if err = os.RemoveAll(dir); err == nil {
			err = os.MkdirAll(dir, 0o700)
		}
	}
	return dir, func() {}, err
}

// growthMade is a file in the folder of a store that is whole, and at rest.
const growthMade = "made"

// made fills the store, and has the server come to rest on it, if that has not
// been done before.
func (g growthSize) made(dir string, p *peer.Process) error {
	mark := filepath.Join(dir, growthMade)
	if _, err := os.Stat(mark); err == nil {
		rested, err := rest(p.Server)
		fmt.Printf("%d accounts, %d messages: kept, at rest after %.0f s\n", g.accounts, g.all, rested.Seconds())
		return err
	}
	p.Signal(syscall.SIGTERM)
	filled, err := clock(func() error { return g.fill(filepath.Join(dir, "data")) })
	if err == nil {
		err = p.Serve()
	}
	if err != nil {
		return err
	}
	rested, err := rest(p.Server)
	if err != nil {
		return err
	}
	fmt.Printf("%d accounts, %d messages: made in %.0f s, at rest %.0f s later\n", g.accounts, g.all, filled.Seconds(), rested.Seconds())
	return os.WriteFile(mark, nil, 0o600)
}

// starts times starts after a clean stop and after kill -9.
func (g growthSize) starts(f *growthFigures, p *peer.Process) error {
	for _, s := range []struct {
		sig syscall.Signal
		to  *time.Duration
	}{{syscall.SIGTERM, &f.start}, {syscall.SIGKILL, &f.killed}} {
		for range growthStarts {
			p.Signal(s.sig)
			d, err := clock(p.Serve)
			if err != nil {
				return err
			}
			if *s.to == 0 || d < *s.to {
				*s.to = d
			}
		}
	}
	if _, err := rest(p.Server); err != nil {
		return err
	}
	time.Sleep(time.Minute) // memory is looked at when the server has come to rest
	u, err := p.Usage()
	f.pss = u.PSS
	return err
}

// deliveries sends messages to accounts all over the store, one at a time.
func (g growthSize) deliveries(f *growthFigures, p *peer.Process) error {
	c, err := dialSMTP(p.SMTP, false)
	if err != nil {
		return err
	}
	before, err := p.Usage()
	if err != nil {
		return err
	}
	took, err := clock(func() error {
		for i := range growthDeliveries {
			if _, err := c.send("sender@elsewhere.invalid", []string{growthLogin(i * 7919 % g.accounts)}, smallOnes.message(i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := rest(p.Server); err != nil { // what follows behind delivery counts
		return err
	}
	after, err := p.Usage()
	f.delivery, f.deliveryCPU = took/growthDeliveries, (after.CPU-before.CPU)/growthDeliveries
	return errOr(err, c.quit())
}

// logins opens INBOXes all over the store, and the large mailbox twice.
func (g growthSize) logins(f *growthFigures, p *peer.Process) error {
	for i := range growthLogins {
		var c *imapConn
		d, err := clock(func() (err error) {
			c, err = dialPlain(p.Server, growthLogin(i*104729%g.accounts))
			return err
		})
		if err != nil {
			return err
		}
		f.login += d / growthLogins
		if d, err = clock(func() error { return c.do("SELECT INBOX", nil) }); err != nil {
			return err
		}
		f.sel += d / growthLogins
		c.logout()
	}
	if g.box == 0 {
		return nil
	}
	c, err := dialPlain(p.Server, growthLogin(0))
	if err != nil {
		return err
	}
	defer c.logout()
	f.large, err = clock(func() error { return c.do("SELECT "+growthBox, nil) })
	return err
}

// verbs times what an administrator asks of the running server.
func (g growthSize) verbs(f *growthFigures, p *peer.Process) (err error) {
	f.check, err = clock(func() error {
		_, err := p.Verb("", "check")
		return err
	})
	if err == nil {
		f.users, err = clock(func() error {
			_, err := p.Verb("", "user", "list")
			return err
		})
	}
	return err
}

// sizes looks at the databases.
func (g growthSize) sizes(f *growthFigures, data string) error {
	if g.all == 0 {
		return nil
	}
	for name, to := range map[string]*float64{"posthorn.db": &f.rows, "derived.db": &f.derived} {
		st, err := os.Stat(filepath.Join(data, name))
		if err != nil {
			return err
		}
		*to = float64(st.Size()) / float64(g.all)
	}
	return nil
}
