package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"posthorn/interop/peer"
)

const (
	loginClients = 16
	// More at once from one network look to Posthorn like somebody who guesses.
	newLoginClients = 8
	loginTime       = 2 * time.Second
)

// loginWorkloads connect, log in and log out, again and again, with the
// accounts that all workloads use. The clock of a login runs from the connection
// to the answer to LOGOUT.
func loginWorkloads() []workload {
	return []workload{
		sameLogins("logins", "without TLS", dialPlain),
		sameLogins("logins-tls", "over TLS, each with a handshake of its own", dialIMAP),
	}
}

func sameLogins(name, how string, dial dialer) workload {
	return workload{name: name, what: "IMAP logins of the same 16 accounts again and again, 16 at a time, " + how,
		columns: trafficColumns("logins/s"), steady: true, traffic: true, conns: loginClients, ceiling: true,
		prepare: func(s *peer.Server, _ float64) error { // each password has been verified once
			for _, u := range s.Users {
				if err := loginOnce(s, u, dial); err != nil {
					return err
				}
			}
			return nil
		},
		round: func(s *peer.Server, scale float64) ([]float64, error) {
			until := time.Now().Add(time.Duration(float64(loginTime) * scale))
			var next atomic.Int64
			return logins(s, loginClients, dial, func() (string, bool) {
				return s.Users[int(next.Add(1))%len(s.Users)], time.Now().Before(until)
			})
		}}
}

// dialer connects to IMAP and logs in.
type dialer func(s *peer.Server, user string) (*imapConn, error)

// logins logs in those that next names.
func logins(s *peer.Server, clients int, dial dialer, next func() (user string, ok bool)) ([]float64, error) {
	took := make([][]time.Duration, clients)
	var t traffic
	var err error
	t.usage, err = timed(s, func() error {
		return parallel(clients, func(i int) error {
			for user, ok := next(); ok; user, ok = next() {
				began := time.Now()
				if err := loginOnce(s, user, dial); err != nil {
					return err
				}
				took[i] = append(took[i], time.Since(began))
			}
			return nil
		})
	})
	if err == nil {
		err = t.settle(s)
	}
	t.took = concat(took)
	t.n = len(t.took)
	return t.figures(), err
}

func loginOnce(s *peer.Server, user string, dial dialer) error {
	c, err := dial(s, user)
	if err != nil {
		return err
	}
	return c.logout()
}

// newLogins are logins of accounts that have not logged in since the server
// started: each password is hashed.
func newLogins(accounts int) workload {
	var next atomic.Int64
	return workload{name: "logins-new", what: fmt.Sprintf("IMAP logins of ever new accounts, %d at a time, without TLS", newLoginClients),
		columns: trafficColumns("logins/s"), steady: true, traffic: true, conns: newLoginClients, alone: "posthorn" + crowded,
		round: func(s *peer.Server, scale float64) ([]float64, error) {
			until := time.Now().Add(time.Duration(float64(loginTime) * scale))
			if int(next.Load()) >= accounts {
				return nil, errLacking{"account left that has not logged in"}
			}
			return logins(s, newLoginClients, dialPlain, func() (string, bool) {
				k := int(next.Add(1))
				return inCrowd(k), k <= accounts && time.Now().Before(until)
			})
		}}
}
