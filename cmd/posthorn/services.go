package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"posthorn/check"
	"posthorn/imapd"
	"posthorn/internal/serve"
	"posthorn/pop3d"
	"posthorn/smtpd"
)

// listen puts the servers on top of the house and opens their ports, the
// administrator's socket last.
func (h *house) listen() ([]listener, error) {
	if err := h.clearTemp(); err != nil {
		return nil, err
	}
	ls, err := openPorts(h.services())
	if err != nil {
		return nil, err
	}
	ln, err := listenSocket(h.config.socket())
	if err != nil {
		closePorts(ls)
		return nil, err
	}
	return append(ls, listener{ln, service{name: "administrator", server: adminServer{h.admin(), h.log}}}), nil
}

// contentMemory is what all content being received may take; what comes
// beyond that waits in files.
const contentMemory = 128 << 20

// tempDir is not the store's tmp, which is at work as soon as the store is open.
func (h *house) tempDir() string { return filepath.Join(h.config.DataDir, "incoming") }

// clearTemp makes the folder of content being received, and takes away what a
// crash has left in it: nobody was told that it is kept. The folder itself stays,
// for a full disk has no room for another.
func (h *house) clearTemp() error {
	left, err := os.ReadDir(h.tempDir())
	if errors.Is(err, fs.ErrNotExist) {
		return os.Mkdir(h.tempDir(), 0o700)
	}
	for _, e := range left {
		err = errors.Join(err, os.RemoveAll(filepath.Join(h.tempDir(), e.Name())))
	}
	return err
}

// services are all ports of floor 4. Each protocol counts connections by
// itself: a flood on port 25 leaves room for people to read.
func (h *house) services() []service {
	c, tls := h.config, h.certificates.ClientTLSConfig()
	spools := serve.Spools{Memory: serve.NewBudget(contentMemory), Dir: h.tempDir()}
	deps := smtpd.Deps{
		Hostname:   c.Hostname,
		TLS:        tls,
		Spools:     spools,
		Queue:      h.queue,
		Recipients: h.mda,
		Space:      h.store.Space,
		Log:        h.log,
	}
	mx, submission := deps, deps
	mx.Limiter, submission.Limiter = h.limiter(), h.limiter()
	mx.TLS = h.certificates.TLSConfig() // no strange server is asked for a certificate
	lmtp := deps
	lmtp.TLS = nil // it comes from this machine
	mx.Onward = h.relay
	mx.Policy = check.NewPolicy(c.check(), h.dns, h.store, h.log)
	submission.Auth = h.auth
	submission.Allowance = h.queue
	in := smtpd.New(smtpd.MX, c.SMTP, mx)
	out := smtpd.New(smtpd.Submission, c.Submission, submission)
	local := smtpd.New(smtpd.LMTP, c.LMTP.Config(), lmtp)
	imap := imapd.New(c.IMAP, h.store, h.auth, tls, spools, h.log)
	imapLimit := h.limiter()
	pop3 := pop3d.New(c.POP3, h.store, h.auth, tls, h.log)
	pop3Limit := h.limiter()
	return []service{
		{"smtp", c.SMTP.Listen, false, in, nil, nil},
		{"smtps", c.SMTP.ListenTLS, true, in, nil, nil},
		{"submission", c.Submission.Listen, false, out, nil, nil},
		{"submissions", c.Submission.ListenTLS, true, out, nil, nil},
		{"lmtp", c.LMTP.Listen, false, local, nil, nil},
		{"imap", c.IMAP.Listen, false, imap, imapLimit, imapd.Refuse},
		{"imaps", c.IMAP.ListenTLS, true, imap, imapLimit, nil},
		{"pop3", c.POP3.Listen, false, pop3, pop3Limit, pop3d.Refuse},
		{"pop3s", c.POP3.ListenTLS, true, pop3, pop3Limit, nil},
	}
}

// limiter makes one that a reload can reach.
func (h *house) limiter() *serve.Limiter {
	l := serve.NewLimiter(h.config.Limits, h.log)
	h.limiters = append(h.limiters, l)
	return l
}
