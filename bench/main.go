// Bench measures mail servers from outside, side by side: Posthorn, built from
// this tree, and Debian's Postfix with Dovecot, both on loopback with the
// durability they come with, and any other by its addresses. Servers are
// interleaved round by round, since the machine may be shared; what counts is the
// ratio within a run.
//
//	go run ./bench -suite shown         what the project promises of its speed, each promise judged; 25 minutes
//	go run ./bench                      every workload
//	go run ./bench -run smtp16 -rounds 3
//	go run ./bench -load smtp64-100k-10rcpt-tls -servers posthorn,posthorn-nosync
//	go run ./bench -run imap            a mailbox of 100,000 messages, read, searched and changed
//	go run ./bench -run imap -messages 2000 -mixed 5s      the same in two minutes
//	go run ./bench -run relay -servers posthorn,postfix20+dovecot,postfix+dovecot
//	go run ./bench -run smtp16 -at 'name=other smtp=127.0.0.1:25 imaps=127.0.0.1:993 users=user%d@bench.test password=x pid=4711'
//
// What is counted is verified: every message sent must stand in its INBOX
// once, none twice, and all servers must find the same, or the run fails.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
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

// options are the flags.
type options struct {
	rounds                    int
	only, suite, against      string
	scale                     float64
	messages, million, queued int
	accounts                  int
	kept                      string
	mixed, rest               time.Duration
	syncs, variants           bool
	loads, at                 []string
}

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 && roles[os.Args[1]] != nil {
		if err := roles[os.Args[1]](os.Args[2:]); err != nil {
			log.Fatal("bench: ", err)
		}
		return
	}
	o := parse()
	all, err := o.workloads()
	if err != nil {
		log.Fatal("bench: ", err)
	}
	if err := run(o, all); err != nil {
		log.Fatal("bench: ", err)
	}
}

// roles are what this program is when it starts itself.
var roles = map[string]func(args []string) error{
	roleNothing:  serveNothing,
	roleUnsynced: execUnsynced,
}

func parse() (o options) {
	flag.IntVar(&o.rounds, "rounds", 5, "interleaved `rounds` of each workload; medians are shown")
	flag.StringVar(&o.only, "run", "", "only the workloads whose name matches this `expression`")
	flag.StringVar(&o.suite, "suite", "", "`shown`: the workloads of what is promised, and each promise judged at the end")
	flag.StringVar(&o.against, "servers", "posthorn,postfix+dovecot", "`servers` to start; the last one is what others are compared with. Each may have endings: "+endingsText)
	flag.Func("at", "a server that runs already, `described` as 'name=N smtp=HOST:PORT imap= imaps= pop3= submission= users=user%d@DOMAIN password= pid='; its mailboxes are emptied", appendTo(&o.at))
	flag.Func("load", "a workload of mail into INBOXes by `name`: smtp16, smtp64-100k-10rcpt-connect-tls-signed ...", appendTo(&o.loads))
	flag.Float64Var(&o.scale, "scale", 1, "multiply the number of messages by this")
	flag.IntVar(&o.messages, "messages", 100_000, "`size` of the mailbox of the imap workloads")
	flag.IntVar(&o.million, "million", 1_000_000, "`size` of the large mailbox of the million workload")
	flag.IntVar(&o.queued, "queue", 1_000_000, "`deliveries` that wait in the queue-million workload")
	flag.IntVar(&o.accounts, "accounts", 100_000, "`number` of accounts of a server called -many")
	flag.StringVar(&o.kept, "accounts-dir", "", "`folder` where that server and its accounts are left for the next run: to make 100,000 takes long")
	flag.DurationVar(&o.mixed, "mixed", time.Minute, "how `long` imap-mixed works")
	flag.DurationVar(&o.rest, "rest", 2*time.Minute+10*time.Second, "how `long` the idlers workloads wait before they look")
	flag.BoolVar(&o.syncs, "syncs", false, "count syncs, in a round of its own of servers that are traced")
	flag.BoolVar(&o.variants, "variants", false, "measure servers without syncs, with slow syncs and the like where a workload names them")
	flag.Parse()
	if o.suite == "shown" {
		given := map[string]bool{}
		flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
		shownOptions(&o, given)
	}
	return o
}

func appendTo(list *[]string) func(string) error {
	return func(s string) error { *list = append(*list, s); return nil }
}

// workloads are those that the flags choose.
func (o *options) workloads() ([]workload, error) {
	pattern, err := regexp.Compile(o.only)
	if err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	if o.suite != "" && o.suite != "shown" {
		return nil, fmt.Errorf("-suite: there is shown, and no %q", o.suite)
	}
	var all []workload
	for _, name := range append(slices.Clone(smtpNames), o.loads...) {
		w, err := smtpIn(name)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	all = append(all, envelopes, idle)
	all = append(all, loginWorkloads()...)
	all = append(all, pop3Workloads()...)
	all = append(all, appends("imap-append1", 1), appends("imap-append16", 16))
	all = append(all, imapWorkloads(o.messages, o.mixed)...)
	all = append(all, millionWorkload(o.million))
	all = append(all, idlersWorkloads(o.rest)...)
	all = append(all, relayWorkloads()...)
	all = append(all, queueMillionWorkload(o.queued))
	all = append(all, newLogins(o.accounts), coldStart(), memory())
	if strings.Contains(o.only, growthName) {
		all = append(all, growthWorkload())
	}
	return slices.DeleteFunc(all, func(w workload) bool {
		if slices.Contains(o.loads, w.name) {
			return false
		}
		if o.suite == "shown" && !shownNeeds(w.name) {
			return true
		}
		return o.only == "" && o.suite == "" && len(o.loads) > 0 || !pattern.MatchString(w.name)
	}), nil
}

// bench is one run.
type bench struct {
	options
	against   []string        // what every workload is measured with
	described map[string]bool // of them, by -at
	fleet
}

func run(o options, all []workload) error {
	b := &bench{options: o, described: map[string]bool{}, fleet: fleet{many: o.accounts, kept: o.kept}}
	end := sync.OnceFunc(func() {
		b.fleet.stop()
		if world != nil {
			world.close()
		}
		peer.RemoveBuilds()
	})
	defer end()
	if err := b.begin(all); err != nil {
		return err
	}
	go interrupted(end)
	var results []result
	for _, w := range all {
		r, err := b.measure(w)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		results = append(results, r)
	}
	b.summary(results)
	if o.suite == "shown" {
		if n := shown(results, b.against[0], b.reference()); n > 0 {
			return fmt.Errorf("%d promises were not kept", n)
		}
	}
	return nil
}

// begin makes what servers need before the first of them starts.
func (b *bench) begin(all []workload) (err error) {
	if wantsOutside(all) {
		if world, err = newOutside(); err != nil {
			return err
		}
	}
	if err := b.fleet.begin(); err != nil {
		return err
	}
	if b.options.against != "" {
		b.against = strings.Split(b.options.against, ",")
	}
	for _, text := range b.at {
		s, err := described(text)
		if err != nil {
			return fmt.Errorf("-at: %w", err)
		}
		b.add(s)
		b.described[s.Name] = true
		b.against = append([]string{s.Name}, b.against...)
	}
	return nil
}

// reference is the server that the others are compared with.
func (b *bench) reference() string { return b.against[len(b.against)-1] }

// interrupted leaves nothing running when the program is.
func interrupted(end func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	<-c
	end()
	os.Exit(1)
}
