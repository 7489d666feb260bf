package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// socketName is the administrator's socket in the data folder. The kernel
// takes paths of at most 107 octets for it.
const socketName = "posthorn.sock"

func (c *Config) socket() string { return filepath.Join(c.DataDir, socketName) }

// failure is how an error crosses the socket.
type failure struct {
	Error string `json:"error"`
	Exit  int    `json:"exit"`
}

// answer writes what a verb returned.
func answer(w http.ResponseWriter, out any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		f := failure{err.Error(), exitFailed}
		var e exitError
		if errors.As(err, &e) {
			f.Exit = e.code
		}
		w.WriteHeader(http.StatusUnprocessableEntity)
		json.NewEncoder(w).Encode(f)
		return
	}
	json.NewEncoder(w).Encode(out)
}

// listenSocket opens the socket for the folder's owner alone. The caller holds
// the data folder's lock, so a socket that is there already belongs to nobody.
func listenSocket(path string) (net.Listener, error) {
	ln, err := openSocket(path, 0o600)
	if err != nil {
		return nil, fmt.Errorf("administrator's socket: %w", err)
	}
	return ln, nil
}

// openSocket makes a socket, where one may be left of a server that was killed.
// What is no socket stays.
func openSocket(path string, mode fs.FileMode) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		ln.Close()
		return nil, err
	}
	return ln, nil
}

// adminServer answers verbs on the socket.
type adminServer struct {
	admin *admin
	log   *slog.Logger
}

// adminLast is how long verbs that run have when the server stops: a check of a
// large store would take minutes, and can be asked again.
const adminLast = 2 * time.Second

var errStopping = errors.New("the server is stopping: ask again when it runs")

// Serve answers until ctx is done, and finishes what takes no longer than
// adminLast then.
func (s adminServer) Serve(ctx context.Context, ln net.Listener, _ bool) error {
	working, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	mux := http.NewServeMux()
	for _, v := range verbs() {
		v.register(mux, s.admin)
	}
	server := &http.Server{Handler: mux, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		BaseContext: func(net.Listener) context.Context { return working }}
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		late := time.AfterFunc(adminLast, func() { cut(errStopping) })
		defer late.Stop()
		drained <- server.Shutdown(context.WithoutCancel(ctx))
	})
	err := server.Serve(ln)
	if stop() { // ended by itself, not by ctx
		return err
	}
	return <-drained
}

// errNoServer: nobody answers on the socket.
var errNoServer = errors.New("no server runs on this data folder")

// askServer has the server behind the socket do a verb. out is a pointer.
func askServer(ctx context.Context, socket, name string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://posthorn/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	var request *url.Error
	if errors.As(err, &request) { // the address in it is none that somebody knows
		err = request.Err
	}
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED):
		return errNoServer
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("only root and the owner of the data folder may ask the server at %s: %w", socket, fs.ErrPermission)
	case err != nil:
		return fmt.Errorf("ask the running server: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusOK {
		return json.NewDecoder(res.Body).Decode(out)
	}
	var f failure
	if err := json.NewDecoder(res.Body).Decode(&f); err != nil || f.Error == "" {
		return fmt.Errorf("the running server does not know %s: %s", name, res.Status)
	}
	return exitError{f.Exit, errors.New(f.Error)}
}
