package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"posthorn/store"
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
		domainAdd, domainList, domainRemove, domainDNS,
		userAdd, userList, userShow, userPassword, userQuota, userAdmin, userEnable, userRemove,
		appAdd, appList, appRevoke,
		aliasAdd, aliasList, aliasRemove,
		queueList, queueShow, queueRetry, queueDrop,
		traceMail, sendMail, checkStore, reindexSearch,
	}
}

// A data folder that is held, but whose socket does not answer, belongs to
// another verb that is soon done, or to a server that starts or stops. It is
// asked again every patience/200.
const patience = 10 * time.Second

// ask has v's work done for the data folder of the config that c names.
func (v verb[In, Out]) ask(ctx context.Context, c *cli, in In) (out Out, err error) {
	cfg, err := c.loadConfig()
	if err != nil {
		return out, err
	}
	for end := time.Now().Add(patience); ; time.Sleep(patience / 200) {
		err := askServer(ctx, cfg.socket(), v.name, in, &out)
		if !errors.Is(err, errNoServer) {
			return out, err
		}
		out, err = v.here(ctx, cfg, c, in)
		if !errors.Is(err, store.ErrInUse) || time.Now().After(end) || ctx.Err() != nil {
			return out, err
		}
	}
}

// here does v's work in this process.
func (v verb[In, Out]) here(ctx context.Context, cfg *Config, c *cli, in In) (out Out, err error) {
	if err := becomeOwner(cfg.DataDir); err != nil {
		return out, err
	}
	h, err := build(ctx, cfg, newLogger(LogConfig{Format: "text", Level: slog.LevelWarn}, c.err))
	if err != nil {
		return out, err
	}
	out, err = v.work(h.admin(), ctx, in)
	return out, errors.Join(err, h.close())
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
		answer(w, out, err)
	})
}
