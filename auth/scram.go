package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-sasl"

	"posthorn/internal/serve"
	"posthorn/store"
)

// SCRAM-SHA-256 (RFC 5802, RFC 7677), and -PLUS, which is bound to the TLS
// connection: then nobody can be between the two, whatever certificate he has.
//
// A server names salt and count before it knows which of its passwords a client
// has. So all keys of an account have one salt and one count, and the client's
// proof is compared with each of them: always with as many as an account can
// have, so that the clock does not tell how many there are, or whether there is
// an account at all.
const (
	scramName = "SCRAM-SHA-256"
	plusName  = "SCRAM-SHA-256-PLUS"

	maxSCRAM  = 4096 // octets of a message
	maxPairs  = 1 + store.MaxAppPasswords*appForms
	nonceSize = 18 // octets of ours, before base64
)

// scramServer is one exchange.
type scramServer struct {
	a    *Auth
	ctx  context.Context
	peer Peer
	done func(Identity)
	plus bool

	next    func(message string) (challenge string, err error) // nil: it is over
	header  gs2
	binding []byte // data of the channel, with PLUS
	subject subject
	nonce   string // both parts
	first   string // client-first-message-bare "," server-first-message
	id      Identity
}

func (a *Auth) newSCRAM(ctx context.Context, p Peer, done func(Identity)) sasl.Server {
	return newSCRAM(a, ctx, p, done, false)
}

func (a *Auth) newSCRAMPlus(ctx context.Context, p Peer, done func(Identity)) sasl.Server {
	return newSCRAM(a, ctx, p, done, true)
}

func newSCRAM(a *Auth, ctx context.Context, p Peer, done func(Identity), plus bool) *scramServer {
	s := &scramServer{a: a, ctx: ctx, peer: p, done: done, plus: plus}
	s.next = s.clientFirst
	return s
}

// offersSCRAM: a client does not say which password it has before it has chosen
// SCRAM, and many try nothing else then. So it is offered where every
// password can have keys, and not where app passwords alone have them.
func (a *Auth) offersSCRAM(Peer) bool { return a.cfg.SCRAM }

func (a *Auth) offersSCRAMPlus(p Peer) bool {
	if !a.cfg.SCRAM || p.Channel == nil {
		return false
	}
	for _, kind := range []string{serve.BindExporter, serve.BindEndPoint} {
		if _, err := p.Channel.Binding(kind); err == nil {
			return true
		}
	}
	return false
}

// Next plays the two rounds. The server's last message is a challenge, which
// the client answers with nothing.
func (s *scramServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if s.next == nil || len(response) > maxSCRAM {
		return nil, false, ErrSyntax
	}
	if response == nil && s.first == "" {
		return []byte{}, false, nil
	}
	if s.id.Account != 0 {
		s.next = nil
		if len(response) != 0 {
			return nil, false, ErrSyntax
		}
		s.done(s.id)
		return nil, true, nil
	}
	text, err := s.next(string(response))
	if err != nil {
		s.next = nil
	}
	return []byte(text), false, err
}

// clientFirst takes the client's name and nonce and gives salt and count.
func (s *scramServer) clientFirst(message string) (string, error) {
	header, bare, ok := parseGS2(message)
	if !ok {
		return "", ErrSyntax
	}
	f := strings.Split(bare, ",")
	if len(f) < 2 || !strings.HasPrefix(f[0], "n=") || !strings.HasPrefix(f[1], "r=") { // also one with m=, which nobody defined
		return "", ErrSyntax
	}
	name, ok := saslName(f[0][2:])
	nonce := f[1][2:]
	if !ok || !isNonce(nonce) {
		return "", ErrSyntax
	}
	s.header = header
	if err := s.bind(); err != nil {
		return "", err
	}
	subject, err := s.a.subject(s.ctx, loginKey(name))
	if err != nil {
		return "", err
	}
	s.subject = subject
	random := make([]byte, nonceSize)
	rand.Read(random) // never fails (crypto/rand)
	s.nonce = nonce + base64.StdEncoding.EncodeToString(random)
	return s.serverFirst(bare), nil
}

func (s *scramServer) serverFirst(bare string) string {
	k := s.subject.SCRAM
	message := "r=" + s.nonce + ",s=" + base64.StdEncoding.EncodeToString(k.Salt) + ",i=" + strconv.Itoa(k.Iterations)
	s.first = bare + "," + message
	s.next = s.clientFinal
	return message
}

// bind finds what the exchange is bound to.
func (s *scramServer) bind() error {
	switch flag := s.header.flag; {
	case s.plus != (flag == 'p'):
		return ErrSyntax
	case flag == 'y' && s.a.offersSCRAMPlus(s.peer):
		// RFC 5802 §6: it would have used PLUS, but somebody has kept the
		// offer from it.
		s.a.log.Warn("login failed: the offer of channel binding did not reach the client", "peer", s.peer.Addr.String(), "protocol", s.peer.Protocol)
		return ErrCredentials
	case flag != 'p':
		return nil
	}
	data, err := s.peer.Channel.Binding(s.header.binding)
	if err != nil {
		s.a.log.Info("login failed", "peer", s.peer.Addr.String(), "protocol", s.peer.Protocol, "status", err.Error())
		return ErrCredentials
	}
	s.binding = data
	return nil
}

// clientFinal takes the client's proof and gives ours.
func (s *scramServer) clientFinal(message string) (string, error) {
	unproven, proof64, ok := cutLast(message, ",p=")
	f := strings.Split(unproven, ",")
	if !ok || len(f) < 2 || !strings.HasPrefix(f[0], "c=") || !strings.HasPrefix(f[1], "r=") {
		return "", ErrSyntax
	}
	bound, err := base64.StdEncoding.DecodeString(f[0][2:])
	proof, err2 := base64.StdEncoding.DecodeString(proof64)
	if err != nil || err2 != nil || len(proof) != sha256.Size || f[1][2:] != s.nonce {
		return "", ErrSyntax
	}
	said := s.first + "," + unproven
	var server [sha256.Size]byte
	id, err := s.a.attempt(s.ctx, s.peer, s.subject.key, proof64, func() (id Identity, err error) {
		id, server, err = s.verify(proof, said)
		switch want := append([]byte(s.header.text), s.binding...); {
		case err != nil:
			return Identity{}, err
		case !hmac.Equal(bound, want):
			return Identity{}, fmt.Errorf("%w: bound to another channel", ErrCredentials)
		case s.header.authzid != "" && loginKey(s.header.authzid) != s.subject.key:
			return Identity{}, fmt.Errorf("%w: to act as somebody else is not offered", ErrCredentials)
		}
		return id, nil
	})
	if err != nil {
		return "", err
	}
	s.id = id
	signature := sign(server[:], said)
	return "v=" + base64.StdEncoding.EncodeToString(signature[:]), nil
}

// verify compares the proof with every key there may be, and gives the server
// key of the one that it fits.
func (s *scramServer) verify(proof []byte, said string) (id Identity, server [sha256.Size]byte, err error) {
	pairs, owners, err := s.pairs()
	if err != nil {
		return id, server, err
	}
	match := -1
	for i, k := range pairs {
		client := sign(k.stored[:], said)
		subtle.XORBytes(client[:], client[:], proof)
		stored := sha256.Sum256(client[:])
		same := subtle.ConstantTimeCompare(stored[:], k.stored[:])
		match = subtle.ConstantTimeSelect(same, i, match)
	}
	switch {
	case match < 0 && s.subject.wrong != nil:
		return id, server, s.subject.wrong
	case match < 0 && len(s.subject.SCRAM.Keys) == 0:
		return id, server, errNoKeys
	case match < 0:
		return id, server, errPassword
	}
	server = pairs[match].server
	app := owners[match]
	if app == nil {
		return s.a.identity(s.subject, "", s.subject.Password), server, nil
	}
	if err := usable(app, s.peer, time.Now()); err != nil {
		return id, server, err
	}
	return s.a.identity(s.subject, app.Name, string(app.Keys)), server, nil
}

// pairs are all keys of the subject, with the app password that each belongs
// to, and random ones up to maxPairs.
func (s *scramServer) pairs() (all []pair, owners []*store.AppPassword, err error) {
	all, err = unpack(s.subject.SCRAM.Keys)
	if err != nil {
		return nil, nil, err
	}
	owners = make([]*store.AppPassword, len(all), maxPairs)
	for i := range s.subject.Apps {
		app := &s.subject.Apps[i]
		more, err := unpack(app.Keys)
		if err != nil {
			return nil, nil, err
		}
		for range more {
			owners = append(owners, app)
		}
		all = append(all, more...)
	}
	for len(all) < maxPairs {
		var nobody pair
		rand.Read(nobody.stored[:]) // never fails (crypto/rand)
		all, owners = append(all, nobody), append(owners, nil)
	}
	return all, owners, nil
}

// isNonce: printable ASCII without a comma (RFC 5802 §7).
func isNonce(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == ',' {
			return false
		}
	}
	return s != ""
}

// cutLast cuts s at its last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
