package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// verb is one thing an administrator can ask for. Its work is written once, as
// a method of admin; it is done by the running server, asked over its socket,
// or in this process when no server runs.
type verb[In, Out any] struct {
	name string // its path on the socket
	work func(*admin, context.Context, In) (Out, error)
}

// none stands where a verb takes or gives nothing.
type none struct{}

// verbs is everything the socket answers.
func verbs() []interface{ register(*http.ServeMux, *admin) } {
	return []interface{ register(*http.ServeMux, *admin) }{
		domainAdd, domainList, domainRemove, domainDNS, tlsResults,
		userAdd, userList, userShow, userPassword, userQuota, userLanguage, userAdmin, userEnable, userRemove,
		appAdd, appList, appRevoke,
		aliasAdd, aliasList, aliasRemove,
		queueList, queueShow, queueGroup, queueCount, queueAct, queueHold, queueRelease, queueHolds, queueSuspects,
		traceMail, sendMail, checkStore, reindexSearch,
	}
}

// ask has v's work done for the data folder of the config that c names.
func (v verb[In, Out]) ask(ctx context.Context, c *cli, in In) (out Out, err error) {
	s, err := c.begin()
	if err != nil {
		return out, err
	}
	out, err = v.within(ctx, s, in)
	return out, errors.Join(err, s.end())
}

// register lets the server's socket do v.
func (v verb[In, Out]) register(mux *http.ServeMux, a *admin) {
	mux.HandleFunc("POST /"+v.name, func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			answer(w, nil, usage(fmt.Errorf("%s: %w", v.name, err)))
			return
		}
		out, err := v.work(a, r.Context(), in)
		if errors.Is(err, context.Canceled) {
			err = context.Cause(r.Context()) // errStopping, or nobody is there to read it
		}
		answer(w, out, err)
	})
}
