package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"posthorn/auth"
	"posthorn/internal/dns"
	"posthorn/internal/serve"
	"posthorn/mda"
	"posthorn/queue"
	"posthorn/relay"
	"posthorn/store"
	"posthorn/store/maildir"
)

// house is the floors up to 3, built bottom up. The servers of floor 4 are
// put on top by listen.
type house struct {
	config *Config
	log    *slog.Logger

	store *store.Store
	dns   *dns.Resolver
	auth  *auth.Auth
	mda   *mda.MDA
	relay *relay.Relay
	queue *queue.Queue

	certificates *serve.Certificates
	limiters     []*serve.Limiter
}

// build opens the store, which takes the data folder's lock, and puts the
// floors above it. Nothing runs yet.
func build(ctx context.Context, cfg *Config, log *slog.Logger) (*house, error) {
	st, err := store.Open(ctx, cfg.DataDir, maildir.New(cfg.DataDir), store.Options{Log: log, Events: time.Duration(cfg.Log.Events)})
	if err != nil {
		return nil, err
	}
	h := &house{config: cfg, log: log, store: st, certificates: serve.NewCertificates()}
	h.dns = dns.New(cfg.DNS.Resolver)
	if cfg.DNS.Trusted {
		h.dns.Trust()
	}
	h.auth = auth.New(st, cfg.Auth, log)
	h.mda = mda.New(st, cfg.mda(), log)
	h.relay, err = relay.New(cfg.relay(), cfg.Hostname, h.dns, st.DKIMKeys, st, log)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	h.queue = queue.New(st, h.mda, h.relay, cfg.queue(), log)
	return h, nil
}

// close ends what build began, from the top down.
func (h *house) close() error {
	h.relay.Close()
	return h.store.Close()
}

func (h *house) admin() *admin {
	return &admin{config: h.config, store: h.store, auth: h.auth, queue: h.queue, mda: h.mda}
}

// loadCertificates reads the certificate of the config, or one of our own
// that is made, and renewed, in the data folder.
func (h *house) loadCertificates() error {
	cert, key := h.config.TLS.Certificate, h.config.TLS.Key
	if cert == "" {
		var err error
		hosts := []string{h.config.Hostname, "localhost", "127.0.0.1", "::1"}
		if cert, key, _, err = serve.SelfSigned(h.tlsDir(), hosts); err != nil {
			return err
		}
	}
	if err := h.certificates.Load(cert, key); err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	if err := h.certificates.TrustClients(h.config.TLS.ClientCA); err != nil {
		return fmt.Errorf("tls: client_ca: %w", err)
	}
	return nil
}

func (h *house) tlsDir() string { return filepath.Join(h.config.DataDir, "tls") }

// authority is the certificate that signs those we make ourselves.
func (h *house) authority() string { return filepath.Join(h.tlsDir(), "ca.pem") }
