package dns

// NewWithServers makes a resolver that knows several servers, as resolv.conf
// may name.
func NewWithServers(servers ...string) *Resolver {
	r := New(Off)
	r.off = false
	r.use(servers...)
	return r
}

// Distrust makes the servers look as if they were on another machine.
func (r *Resolver) Distrust() {
	for i := range r.servers {
		r.servers[i].trusted = false
	}
}
