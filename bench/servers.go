package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"posthorn/interop/peer"
)

// A server's name is what it is and endings that say how it is run.
const (
	nothing = "nothing" // answers all a client asks, and does none of it: the client's own ceiling

	unsynced = "-nosync" // every sync is answered at once and not done
	slowSync = "-5ms"    // every sync takes 5 ms more
	traced   = "-traced" // syncs are counted
	checking = "-checks" // SPF, DKIM and DMARC are asked of a DNS on loopback
	signing  = "-dkim"   // its users' mail is signed
	crowded  = "-many"   // it has many accounts beside those of the workloads

	endingsText = "-nosync (no sync is done), -5ms (each takes 5 ms more), -traced (they are counted); Posthorn's: -checks (SPF, DKIM, DMARC by a DNS on loopback), -dkim (it signs), -many (-accounts more accounts), and before the endings @FILE, another build of it"
)

var endings = []string{unsynced, slowSync, traced, checking, signing, crowded}

// fleet is the servers that run. One starts when it is first asked for.
type fleet struct {
	dir     string
	running map[string]*peer.Server
	names   dnsFor
	many    int    // accounts of a server with the ending for it
	kept    string // where such a server's data is left for another run; "" for nowhere
}

func (f *fleet) begin() (err error) {
	f.running = map[string]*peer.Server{}
	f.dir, err = os.MkdirTemp("", "bench")
	return err
}

func (f *fleet) stop() {
	for _, s := range f.running {
		if s.Stop != nil {
			s.Stop()
		}
	}
	f.names.close()
	os.RemoveAll(f.dir)
}

func (f *fleet) add(s *peer.Server) { f.running[s.Name] = s }

// server gives the one of this name.
func (f *fleet) server(name string) (*peer.Server, error) {
	if s := f.running[name]; s != nil {
		return s, nil
	}
	s, err := f.start(name, filepath.Join(f.dir, strings.ReplaceAll(name, "/", "_")))
	if s != nil {
		s.Name = name
		f.running[name] = s // even when it failed: what has started is stopped
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return s, nil
}

// servers are those that a workload is measured with.
func (b *bench) servers(w workload) (list []*peer.Server, err error) {
	names := slices.Clone(b.against)
	if w.alone != "" {
		names = []string{w.alone}
	}
	if b.variants {
		names = append(names, w.besides...)
	}
	if w.ceiling {
		names = append(names, nothing)
	}
	for _, n := range names {
		s, err := b.server(n)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// start starts a server by its name.
func (f *fleet) start(name, dir string) (*peer.Server, error) {
	base, has := cutEndings(name)
	base, binary, _ := strings.Cut(base, "@")
	wrap, syncs, err := wrapper(dir, has)
	if err != nil {
		return nil, err
	}
	var s *peer.Server
	switch base {
	case nothing:
		return startNothing()
	case "posthorn":
		if has[crowded] && f.kept != "" {
			dir = f.kept
		}
		found := exists(filepath.Join(dir, crowdMark))
		var config string
		if config, err = f.posthornConfig(has); err != nil {
			return nil, err
		}
		s, err = peer.Posthorn{Dir: dir, Hostname: "mail." + domain, Domain: domain, Users: users, Password: password,
			Plaintext: true, Config: config, Wrap: wrap, Binary: binary}.Start()
		if err == nil && has[crowded] && !found {
			err = crowd(s, f.many)
		}
	case "exim+dovecot":
		s, err = peer.Exim{Debian: peer.Debian{Dir: dir, Hostname: "mail." + domain, Domain: domain, Users: users, Password: password, Wrap: wrap}}.Start()
	case "postfix+dovecot", "postfix20+dovecot":
		extra := postfixTimes
		if base == "postfix20+dovecot" {
			extra += "initial_destination_concurrency = 20\n"
		}
		s, err = peer.Debian{Dir: dir, Hostname: "mail." + domain, Domain: domain, Users: users, Password: password,
			Transports: world.transports(), PostfixExtra: extra, Wrap: wrap}.Start()
	default:
		return nil, fmt.Errorf("no such server; there are posthorn, postfix+dovecot, postfix20+dovecot, which begins with as many connections to a host as it may have, exim+dovecot, which takes mail in and sends none, and %s", nothing)
	}
	if s != nil {
		s.Syncs = syncs
	}
	return s, err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// cutEndings takes them off a name.
func cutEndings(name string) (base string, has map[string]bool) {
	has = map[string]bool{}
	for again := true; again; {
		again = false
		for _, e := range endings {
			if rest, ok := strings.CutSuffix(name, e); ok {
				name, has[e], again = rest, true, true
			}
		}
	}
	return name, has
}

// posthornConfig has everything off that Debian's Postfix has not got, but for
// what an ending asks for.
func (f *fleet) posthornConfig(has map[string]bool) (string, error) {
	config := fmt.Sprintf("[relay]\ndkim = %v\n[queue]\nsending_hour = 0\nsending_day = 0\n", has[signing])
	if !has[checking] {
		config += "[check]\nspf = false\ndkim = false\ndmarc = false\n"
		return config + routes(world.transports()), nil
	}
	addr, err := f.names.addr()
	if err != nil {
		return "", err
	}
	return config + fmt.Sprintf("[dns]\nresolver = %q\n", addr) + routes(world.transports()), nil
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
