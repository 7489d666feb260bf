package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"

	"github.com/emersion/go-msgauth/dkim"

	"posthorn/internal/dns/dnstest"
	"posthorn/interop/peer"
)

// signerDomain is who the signed mail is from. Its SPF names this machine, its
// DMARC asks that all else be rejected.
const signerDomain = "signed.test"

var signerKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// signedMessage is of size octets and a signature. Its Message-ID is not signed,
// so that one signature proves all of them; to the server that is no difference.
func signedMessage(octets int) (stamped, error) {
	key, err := signerKey()
	if err != nil {
		return stamped{}, err
	}
	m := newStamped("sender@"+signerDomain, octets)
	signer, err := dkim.NewSigner(&dkim.SignOptions{Domain: signerDomain, Selector: "bench", Signer: key,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		HeaderKeys: []string{"From", "To", "Subject", "Date", "MIME-Version", "Content-Type"}})
	if err != nil {
		return m, err
	}
	for _, part := range [][]byte{m.head, m.body} {
		if _, err := signer.Write(part); err != nil {
			return m, err
		}
	}
	if err := signer.Close(); err != nil {
		return m, err
	}
	return stampedOf(append([]byte(signer.Signature()), m.head...), m.body), nil
}

// dnsFor is the DNS on loopback that knows the signer; it starts when it is
// first asked for.
type dnsFor struct {
	address string
	stop    func()
}

func (d *dnsFor) addr() (string, error) {
	if d.stop != nil {
		return d.address, nil
	}
	zones, err := signerZones()
	if err != nil {
		return "", err
	}
	srv, stop, err := dnstest.Serve(zones)
	if err != nil {
		return "", err
	}
	d.address, d.stop = srv.Addr, stop
	return d.address, nil
}

func signerZones() (dnstest.Zones, error) {
	key, err := signerKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	return dnstest.Zones{
		signerDomain:                       {MX: []string{"10 mx." + signerDomain}, TXT: []string{"v=spf1 ip4:127.0.0.0/8 -all"}},
		"mx." + signerDomain:               {A: []string{"127.0.0.1"}},
		"_dmarc." + signerDomain:           {TXT: []string{"v=DMARC1; p=reject"}},
		"bench._domainkey." + signerDomain: {TXT: []string{"v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)}},
		"127.0.0.1":                        {PTR: []string{"mx." + signerDomain}},
	}, err
}

func (d *dnsFor) close() {
	if d.stop != nil {
		d.stop()
	}
}

// proved looks that a server which was asked to check has checked: what it
// writes on top of the newest message of the first user.
func proved(s *peer.Server) error {
	if _, has := cutEndings(s.Name); !has[checking] {
		return nil
	}
	c, err := dialIMAP(s, s.Users[0])
	if err != nil {
		return err
	}
	defer c.logout()
	if err := c.do("SELECT INBOX", nil); err != nil {
		return err
	}
	header, err := c.content("FETCH * (BODY.PEEK[HEADER.FIELDS (Authentication-Results)])")
	if err != nil {
		return err
	}
	for _, want := range []string{"spf=pass", "dkim=pass", "dmarc=pass"} {
		if !strings.Contains(string(bytes.ToLower(header)), want) {
			return fmt.Errorf("a message that was to be checked does not say %s: %q", want, header)
		}
	}
	return nil
}
