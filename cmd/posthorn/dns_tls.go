package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// tlsRecords gives the records by which other servers know that mail for a domain
// is to come here over TLS, and by which they tell what went wrong. What cannot be
// kept is not printed: without a certificate file there is no TLSA record, and
// MTA-STS needs one that others' authorities have signed. Where admin is "", as for
// a backup domain, policy and reports are the primary's to publish.
func (c *Config) tlsRecords(domain, admin string) ([]record, error) {
	name, host := domain+".", c.Hostname+"."
	var rs []record
	if admin != "" {
		rs = append(rs, record{"_smtp._tls." + name, "TXT", text("v=TLSRPTv1; rua=mailto:" + admin), "other servers tell how their TLS with this host works (TLSRPT, RFC 8460)"})
	}
	file := c.TLS.Certificate
	if file == "" {
		file = filepath.Join(c.DataDir, "tls", "cert.pem")
	}
	key, err := keyDigest(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.TLS.Certificate == "":
		return rs, nil // the server has not run yet
	case err != nil:
		return nil, err
	}
	rs = append(rs, record{"_25._tcp." + host, "TLSA", "3 1 1 " + key,
		"other servers know this host by its key (DANE, RFC 7672); only where the zone is signed, and a new key is published before it is used"})
	if c.TLS.Certificate != "" && admin != "" {
		rs = append(rs, record{"_mta-sts." + name, "TXT", text("v=STSv1; id=" + policyID(c.Hostname) + ";"),
			"other servers insist on TLS with this host (MTA-STS, RFC 8461); only once https://mta-sts." + domain + "/.well-known/mta-sts.txt names it: see Encryption between servers in docs/operating.md"})
	}
	return rs, nil
}

// keyDigest is the SHA-256 of the public key in the first certificate of a file.
func keyDigest(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return "", errors.New(file + ": not PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:]), nil
}

// policyID stays the same for as long as the policy would: while the host does.
func policyID(hostname string) string {
	sum := sha256.Sum256([]byte(hostname))
	return hex.EncodeToString(sum[:8])
}
