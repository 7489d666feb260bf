package dns

// NewWithServers makes a resolver that knows several servers, as resolv.conf
// may name.
func NewWithServers(servers ...string) *Resolver {
	r := New(Off)
	r.off, r.servers = false, servers
	return r
}
