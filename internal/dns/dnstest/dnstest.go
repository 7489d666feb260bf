// Package dnstest is a DNS server for tests: its zones are Go literals, it
// listens on loopback over UDP and TCP, and it fails on request.
package dnstest

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	mdns "github.com/miekg/dns"
)

// Zones maps names to what they hold, without the dot at the end. An IP address
// as a name stands for its place in the reverse DNS. A name that is not there
// is NXDOMAIN, unless one below it is.
type Zones map[string]Node

// Node is what one name holds, each record in the form of a zone file: MX
// "10 mx.example.test", A "192.0.2.1", PTR and CNAME a name.
type Node struct {
	A, AAAA, MX, TXT, PTR []string
	TLSA                  []string // "3 1 1 0123ab..."
	CNAME                 string

	TTL      uint32        // 0: 300 seconds
	Signed   bool          // DNSSEC proves it: AD is set in answers to who asks for it
	ServFail bool          // every question about the name answers SERVFAIL, as it does where DNSSEC proves it wrong
	Silent   bool          // and this: never an answer
	Delay    time.Duration // answers come this much later
}

// Server is a running server.
type Server struct {
	Addr string // "127.0.0.1:port", for dns.New

	mu    sync.Mutex
	zones Zones           // guarded by mu, keys in key form
	asked map[string]int  // guarded by mu: questions by "NAME TYPE"
	fails map[string]bool // guarded by mu: SERVFAIL for these, by "NAME TYPE"
}

// Start serves zones until the test ends.
func Start(t testing.TB, zones Zones) *Server {
	t.Helper()
	s, stop, err := Serve(zones)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return s
}

// StartOn is Start on an address of the caller's choice.
func StartOn(t testing.TB, addr string, zones Zones) *Server {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	pc, err := net.ListenPacket("udp", addr)
	if err != nil {
		ln.Close()
		t.Fatal(err)
	}
	s, stop := serve(zones, pc, ln)
	t.Cleanup(stop)
	return s
}

// Serve is Start for programs that are no tests: it serves until stop is called.
func Serve(zones Zones) (s *Server, stop func(), err error) {
	pc, ln, err := listen()
	if err != nil {
		return nil, nil, err
	}
	s, stop = serve(zones, pc, ln)
	return s, stop, nil
}

func serve(zones Zones, pc net.PacketConn, ln net.Listener) (s *Server, stop func()) {
	s = &Server{zones: make(Zones), asked: make(map[string]int), fails: make(map[string]bool)}
	for name, node := range zones {
		s.Set(name, node)
	}
	s.Addr = pc.LocalAddr().String()
	var stops []func()
	for _, srv := range []*mdns.Server{{PacketConn: pc, Handler: s}, {Listener: ln, Handler: s}} {
		started := make(chan struct{})
		done := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(started) }
		go func() { // ended and waited for by stop
			defer close(done)
			srv.ActivateAndServe()
		}()
		<-started
		stops = append(stops, func() {
			srv.Shutdown()
			<-done
		})
	}
	return s, func() {
		for _, stop := range stops {
			stop()
		}
	}
}

// listen takes one port number for both protocols.
func listen() (net.PacketConn, net.Listener, error) {
	for range 20 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, nil, err
		}
		pc, err := net.ListenPacket("udp", ln.Addr().String())
		if err == nil {
			return pc, ln, nil
		}
		ln.Close() // someone has the UDP port of that number: take another
	}
	return nil, nil, errors.New("no port number is free for both UDP and TCP")
}

// Set changes what name holds, from the next question on.
func (s *Server) Set(name string, node Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zones[key(name)] = node
}

// Fail answers SERVFAIL to questions for one type of records of name, from the
// next on.
func (s *Server) Fail(name, rrtype string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails[key(name)+" "+rrtype] = true
}

// Asked tells how often name was asked for records of a type ("MX").
func (s *Server) Asked(name, rrtype string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[key(name)+" "+rrtype]
}

func key(name string) string {
	if net.ParseIP(name) != nil {
		name, _ = mdns.ReverseAddr(name)
	}
	return mdns.CanonicalName(name)
}

// ServeDNS answers one question, as a recursive server would.
func (s *Server) ServeDNS(w mdns.ResponseWriter, req *mdns.Msg) {
	m := new(mdns.Msg)
	m.SetReply(req)
	m.RecursionAvailable = true
	delay, ok := s.fill(m)
	if !ok {
		return
	}
	time.Sleep(delay) // each question has its own goroutine
	if o := req.IsEdns0(); !req.AuthenticatedData && (o == nil || !o.Do()) {
		m.AuthenticatedData = false // RFC 6840 §5.8
	}
	if _, overUDP := w.RemoteAddr().(*net.UDPAddr); overUDP {
		size := mdns.MinMsgSize
		if o := req.IsEdns0(); o != nil {
			size = int(o.UDPSize())
		}
		m.Truncate(size)
	}
	w.WriteMsg(m)
}

// fill answers m's question from the zones, after a delay; false means silence.
// AD is for an answer of which each part is signed (RFC 4035 §3.2.3).
func (s *Server) fill(m *mdns.Msg) (delay time.Duration, answers bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := m.Question[0]
	name := mdns.CanonicalName(q.Name)
	question := name + " " + mdns.TypeToString[q.Qtype]
	s.asked[question]++
	if s.fails[question] {
		m.Rcode = mdns.RcodeServerFailure
		return 0, true
	}
	m.AuthenticatedData = true
	for range 10 {
		node, ok := s.zones[name]
		delay += node.Delay
		m.AuthenticatedData = m.AuthenticatedData && (node.Signed || !ok && s.signedAbove(name))
		switch {
		case node.Silent:
			return delay, false
		case node.ServFail:
			m.Rcode, m.AuthenticatedData = mdns.RcodeServerFailure, false
			return delay, true
		case !ok && !s.above(name):
			m.Rcode = mdns.RcodeNameError
		}
		if node.CNAME == "" || q.Qtype == mdns.TypeCNAME {
			m.Answer = append(m.Answer, node.records(name, q.Qtype)...)
			break
		}
		m.Answer = append(m.Answer, node.records(name, mdns.TypeCNAME)...)
		name = mdns.CanonicalName(node.CNAME)
	}
	if len(m.Answer) == 0 || m.Rcode != mdns.RcodeSuccess {
		m.Ns = append(m.Ns, record(name, 60, "SOA", "ns.test. admin.test. 1 3600 600 86400 60"))
	}
	return delay, true
}

// signedAbove tells whether a name that is not there is below one that is signed:
// then it is proven that it is not.
func (s *Server) signedAbove(name string) bool {
	for {
		_, parent, ok := strings.Cut(name, ".")
		if !ok {
			return false
		}
		if node, there := s.zones[parent]; there {
			return node.Signed
		}
		name = parent
	}
}

// above tells whether a name that is there lies below name.
func (s *Server) above(name string) bool {
	for n := range s.zones {
		if strings.HasSuffix(n, "."+name) {
			return true
		}
	}
	return false
}

func (n Node) records(name string, rrtype uint16) []mdns.RR {
	values := map[uint16][]string{
		mdns.TypeA: n.A, mdns.TypeAAAA: n.AAAA, mdns.TypeMX: n.MX, mdns.TypePTR: n.PTR, mdns.TypeTXT: n.TXT, mdns.TypeTLSA: n.TLSA,
	}[rrtype]
	if rrtype == mdns.TypeCNAME && n.CNAME != "" {
		values = []string{n.CNAME}
	}
	ttl := n.TTL
	if ttl == 0 {
		ttl = 300
	}
	var records []mdns.RR
	for _, v := range values {
		if rrtype == mdns.TypeTXT {
			records = append(records, &mdns.TXT{Txt: chunks(v), Hdr: mdns.RR_Header{Name: name, Rrtype: rrtype, Class: mdns.ClassINET, Ttl: ttl}})
			continue
		}
		records = append(records, record(name, ttl, mdns.TypeToString[rrtype], v))
	}
	return records
}

// record reads one line of a zone file. A literal that does not parse is a
// mistake of the test.
func record(name string, ttl uint32, rrtype, value string) mdns.RR {
	rr, err := mdns.NewRR(name + " 0 IN " + rrtype + " " + value)
	if err != nil {
		panic("dnstest: " + err.Error())
	}
	rr.Header().Ttl = ttl
	return rr
}

// chunks cuts a text into the strings of 255 octets a TXT record is made of.
func chunks(s string) []string {
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
	var parts []string
	for len(s) > 200 {
		parts, s = append(parts, s[:200]), s[200:]
	}
	return append(parts, s)
}
