// Bench measures mail servers from outside, side by side: Posthorn, built from
// this tree, and Debian's Postfix with Dovecot, both on loopback with the
// durability they come with. Servers are interleaved round by round, since
// the machine may be shared; what counts is the ratio within a run.
//
//	go run ./bench                      every workload, the figures of docs/performance.md
//	go run ./bench -run smtp16 -rounds 3
//	go run ./bench -run imap            a mailbox of 100,000 messages, read, searched and changed
//	go run ./bench -run imap -messages 2000 -mixed 5s      the same in two minutes
//	go run ./bench -run relay -servers posthorn,postfix20+dovecot,postfix+dovecot
//
// What is counted is verified: every message sent must stand in its INBOX
// once, none twice, and both servers must find the same, or the run fails.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"posthorn/interop/peer"
)

// users of each server; the load is spread over them.
var users = []string{"user1", "user2", "user3", "user4", "user5", "user6", "user7", "user8",
	"user9", "user10", "user11", "user12", "user13", "user14", "user15", "user16"}

const (
	domain   = "bench.test"
	password = "bench-pass-123"
)

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 5, "interleaved `rounds` of each workload; medians are shown")
	only := flag.String("run", "", "only the workloads whose name matches this `expression`")
	against := flag.String("servers", "posthorn,postfix+dovecot", "`servers` to start")
	scale := flag.Float64("scale", 1, "multiply the number of messages by this")
	messages := flag.Int("messages", 100_000, "`size` of the mailbox of the imap workloads")
	large := flag.Int("million", 1_000_000, "`size` of the large mailbox of the million workload")
	queued := flag.Int("queue", 1_000_000, "`deliveries` that wait in the queue-million workload")
	mixed := flag.Duration("mixed", time.Minute, "how `long` imap-mixed works")
	rest := flag.Duration("rest", 2*time.Minute+10*time.Second, "how `long` the idlers workloads wait before they look")
	flag.Parse()
	pattern, err := regexp.Compile(*only)
	if err != nil {
		log.Fatal("bench: -run: ", err)
	}
	workloads = append(workloads, imapWorkloads(*messages, *mixed)...)
	workloads = append(workloads, millionWorkload(*large))
	workloads = append(workloads, idlersWorkloads(*rest)...)
	workloads = append(workloads, relayWorkloads()...)
	workloads = append(workloads, queueMillionWorkload(*queued))
	workloads = slices.DeleteFunc(workloads, func(w workload) bool { return !pattern.MatchString(w.name) })
	if err := run(*rounds, *against, *scale); err != nil {
		log.Fatal("bench: ", err)
	}
}

func run(rounds int, against string, scale float64) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	var servers []*peer.Server
	end := sync.OnceFunc(func() {
		for _, s := range servers {
			s.Stop()
		}
		if world != nil {
			world.close()
		}
		peer.RemoveBuilds()
		os.RemoveAll(dir)
	})
	defer end()
	if wantsOutside(workloads) {
		if world, err = newOutside(); err != nil {
			return err
		}
	}
	for _, name := range strings.Split(against, ",") {
		s, err := start(name, filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
		servers = append(servers, s)
	}
	go interrupted(end)
	var all []result
	for _, w := range workloads {
		r, err := measure(w, servers, rounds, scale)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		all = append(all, r)
	}
	summary(all, servers)
	return nil
}

// interrupted leaves nothing running when the program is.
func interrupted(end func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	<-c
	end()
	os.Exit(1)
}

func start(name, dir string) (*peer.Server, error) {
	switch name {
	case "posthorn":
		return peer.Posthorn{Dir: dir, Hostname: "mail." + domain, Domain: domain, Users: users, Password: password,
			Plaintext: true, Config: "[check]\nspf = false\ndkim = false\ndmarc = false\n[relay]\ndkim = false\n[queue]\nsending_hour = 0\nsending_day = 0\n" + routes(world.transports())}.Start()
	case "postfix+dovecot", "postfix20+dovecot":
		extra := postfixTimes
		if name == "postfix20+dovecot" {
			extra += "initial_destination_concurrency = 20\n"
		}
		s, err := peer.Debian{Dir: dir, Hostname: "mail." + domain, Domain: domain, Users: users, Password: password,
			Transports: world.transports(), PostfixExtra: extra}.Start()
		if s != nil {
			s.Name = name
		}
		return s, err
	}
	return nil, fmt.Errorf("no such server; there are posthorn, postfix+dovecot, and postfix20+dovecot, which begins with as many connections to a host as it may have")
}

// postfixTimes are Postfix's own, which the tests that share peer.Debian shorten.
const postfixTimes = "minimal_backoff_time = 300s\nmaximal_backoff_time = 4000s\nqueue_run_delay = 300s\n"

// routes writes transports as Posthorn's configuration.
func routes(transports map[string]string) string {
	var b strings.Builder
	for domain, addr := range transports {
		fmt.Fprintf(&b, "[[route]]\ndomain = %q\nvia = %q\n", domain, addr)
	}
	return b.String()
}

// workload is one thing measured. prepare runs once for each server, round
// once for each round; what it returns is shown in the order of columns. Both
// may say errLacking: the workload is then left out.
type workload struct {
	name, what string
	columns    []string
	better     func(column int) int // 1: more is better, -1: less is better, 0: neither
	prepare    func(s *peer.Server, scale float64) error
	round      func(s *peer.Server, scale float64) ([]float64, error)
	alone      bool // only Posthorn is measured
}

// errLacking is what a server has not got that a workload needs.
type errLacking struct{ what string }

func (e errLacking) Error() string { return "it has no " + e.what }

// patience is how long the rounds of a workload may take for one server: what is
// slow is measured less often.
const patience = 8 * time.Second

// result is what a workload gave: medians[server][column].
type result struct {
	workload
	medians [][]float64 // nil: left out
}

func measure(w workload, servers []*peer.Server, rounds int, scale float64) (result, error) {
	fmt.Printf("\n%s: %s\n", w.name, w.what)
	if w.alone {
		servers = slices.DeleteFunc(slices.Clone(servers), func(s *peer.Server) bool { return s.Name != "posthorn" })
	}
	got := make([][][]float64, len(servers))
	took := make([]time.Duration, len(servers))
	for _, s := range servers {
		if w.prepare == nil {
			break
		}
		if err := w.prepare(s, scale); err != nil {
			return lacking(w, s, err)
		}
	}
	for range rounds {
		for i, s := range servers {
			if took[i] > patience {
				continue
			}
			began := time.Now()
			v, err := w.round(s, scale)
			if err != nil {
				return lacking(w, s, err)
			}
			took[i] += time.Since(began)
			got[i] = append(got[i], v)
		}
	}
	return table(w, servers, got), nil
}

func lacking(w workload, s *peer.Server, err error) (result, error) {
	var lacks errLacking
	if errors.As(err, &lacks) {
		fmt.Printf("left out: %s: %v\n", s.Name, lacks)
		return result{workload: w}, nil
	}
	return result{}, fmt.Errorf("%s: %w", s.Name, err)
}
