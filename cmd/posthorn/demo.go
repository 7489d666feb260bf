package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"posthorn/check"
	"posthorn/mail"
	"posthorn/message"
	"posthorn/relay"
	"posthorn/store"
)

// demoAccount is one of the accounts of `try`.
type demoAccount struct {
	Address  string `json:"address"`
	Password string `json:"password"`
	id       store.AccountID
}

// config makes the demo's config and keeps it in the data folder, so that the
// other verbs can be tried too.
func (t *trial) config() (*Config, error) {
	cfg := DefaultConfig()
	cfg.Hostname = "mail." + t.domain
	cfg.DataDir = filepath.Join(t.dir, "data")
	cfg.DNS.Resolver = "none"
	cfg.Check = check.Config{} // they would ask the DNS
	cfg.Route = []relay.Route{{Domain: "*", Via: "file:" + t.outgoing()}}
	for i := range t.ports {
		p := &t.ports[i]
		if p.address == "" {
			p.address = freeAddress(p.usual)
		}
		*p.field(&cfg) = p.address
	}
	for _, dir := range []string{t.dir, t.outgoing()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	text, err := toml.Marshal(cfg)
	if err != nil {
		return nil, fmt.Errorf("write the config: %w", err)
	}
	text = append([]byte("# Written by posthorn try at each start.\n"), text...)
	if err := os.WriteFile(t.file(), text, 0o600); err != nil {
		return nil, err
	}
	return parseConfig(t.file(), text)
}

func (t *trial) file() string     { return filepath.Join(t.dir, "try.toml") }
func (t *trial) outgoing() string { return filepath.Join(t.dir, "outgoing") }

// freeAddress is the usual port on loopback, or one the kernel has free.
func freeAddress(usual int) string {
	for _, port := range []int{usual, 0} {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			defer ln.Close()
			return ln.Addr().String()
		}
	}
	return fmt.Sprintf("127.0.0.1:%d", usual)
}

// populate makes the domain and the accounts, or gives those that are there
// new passwords.
func (t *trial) populate(ctx context.Context, h *house) (accounts []demoAccount, err error) {
	a := h.admin()
	_, err = a.addDomain(ctx, domainFacts{Name: t.domain, Admin: t.address(1)})
	if err != nil && !errors.Is(err, store.ErrExists) {
		return nil, err
	}
	hash := ""
	for i := 1; i <= t.users; i++ {
		acc := demoAccount{Address: t.address(i), Password: or(t.password, newPassword())}
		if hash == "" || t.password == "" { // hashing is slow by intent
			if hash, err = hashPassword(acc.Password); err != nil {
				return nil, err
			}
		}
		if acc.id, err = demoUser(ctx, h.store, acc.Address, hash); err != nil {
			return nil, err
		}
		accounts = append(accounts, acc)
	}
	return accounts, nil
}

func (t *trial) address(i int) string { return fmt.Sprintf("user%d@%s", i, strings.ToLower(t.domain)) }

// demoQuota is one that mail programs show.
var demoQuota = store.Quota{Bytes: 1 << 30}

func demoUser(ctx context.Context, st *store.Store, login, hash string) (store.AccountID, error) {
	acc, err := st.AddAccount(ctx, login, hash, demoQuota)
	if !errors.Is(err, store.ErrExists) {
		return acc.ID, err
	}
	if acc, err = st.AccountByLogin(ctx, login); err != nil {
		return 0, err
	}
	return acc.ID, st.SetPassword(ctx, acc.ID, hash)
}

// newPassword is one that is quickly typed: three groups of four letters and
// digits that nobody misreads, 60 bits.
func newPassword() string {
	s := strings.ToLower(mail.NewID())
	return s[:4] + "-" + s[4:8] + "-" + s[8:12]
}

// welcome delivers the first message to accounts that have none.
func (t *trial) welcome(ctx context.Context, h *house, accounts []demoAccount) {
	for _, acc := range accounts {
		box, err := h.store.Mailbox(ctx, acc.id, "INBOX")
		if err == nil {
			var facts store.Box
			if facts, err = box.Box(ctx); err == nil && facts.Messages > 0 {
				continue
			}
		}
		if err == nil {
			err = h.queue.Accept(ctx, t.welcomeMail(h.config.Hostname, acc.Address))
		}
		if err != nil {
			h.log.Warn("no welcome", "to", acc.Address, "error", err)
		}
	}
}

func (t *trial) welcomeMail(hostname, to string) *mail.Mail {
	var c message.Composer
	c.Addresses("From", message.Address{Name: "Posthorn", Mailbox: "postmaster", Host: t.domain})
	recipient := message.ParseAddresses(to)
	c.Addresses("To", recipient...)
	c.Field("Subject", "Welcome to Posthorn")
	c.Date("Date", time.Now())
	c.Structured("Message-ID", "<"+mail.NewID()+"@"+hostname+">")
	c.Text("plain", fmt.Sprintf(welcomeText, to, t.address(2), t.outgoing()))
	return &mail.Mail{
		QueueID:  mail.NewID(),
		Envelope: mail.Envelope{To: []mail.Recipient{{Path: mail.Path{Local: recipient[0].Mailbox, Domain: recipient[0].Host}}}},
		Origin:   mail.Origin{Proven: true, Peer: "local", Protocol: "local"},
		Content:  mail.Bytes(c.Bytes()),
	}
}

const welcomeText = `Hello %s,

this message has gone the way of all mail: the queue took it, the delivery
agent chose your INBOX, and it was on the disk before anybody was told so.

Things to try:

 - write to %s and see it arrive
 - write to nobody@ this domain: refused while you are still connected
 - write to any other domain: nothing leaves this machine; the message is put
   into %s
 - move, flag and delete messages in two mail programs at once

Posthorn
`
