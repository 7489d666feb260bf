package serve

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Lifetimes. Apple's programs refuse a server certificate that is valid for
// more than 825 days, whoever signed it.
const (
	authorityLife   = 10 * 365 * 24 * time.Hour
	certificateLife = 365 * 24 * time.Hour
	renewBefore     = 30 * 24 * time.Hour
)

// SelfSigned keeps a certificate authority of our own and a certificate for
// hosts (names or IP addresses) in dir, and returns the files. What is missing
// is made; the certificate is made anew when it has less than 30 days left or
// names other hosts. So it may be called at every start and every day. Keys
// are made once: people trust caFile in their mail programs, and a renewal is
// the exchange of one file.
func SelfSigned(dir string, hosts []string) (certFile, keyFile, caFile string, err error) {
	return selfSigned(dir, hosts, time.Now())
}

func selfSigned(dir string, hosts []string, now time.Time) (certFile, keyFile, caFile string, err error) {
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	caFile = filepath.Join(dir, "ca.pem")
	if len(hosts) == 0 {
		return "", "", "", errors.New("make certificate: no host names")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", "", "", fmt.Errorf("make certificate: %w", err)
	}
	if err := ensure(dir, hosts, now, certFile, keyFile, caFile); err != nil {
		return "", "", "", fmt.Errorf("make certificate: %w", err)
	}
	return certFile, keyFile, caFile, nil
}

// ensure makes what is missing or due, the authority before what it signs.
func ensure(dir string, hosts []string, now time.Time, certFile, keyFile, caFile string) error {
	caKey, err := loadKey(filepath.Join(dir, "ca-key.pem"))
	if err != nil {
		return err
	}
	ca, err := loadCertificate(caFile)
	if err != nil || !usable(ca, caKey, now) {
		t := template(now, authorityLife, "Posthorn authority of "+hosts[0])
		t.IsCA, t.MaxPathLenZero = true, true
		t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
		if ca, err = sign(caFile, t, t, caKey, caKey); err != nil {
			return err
		}
	}
	key, err := loadKey(keyFile)
	if err != nil {
		return err
	}
	cert, err := loadCertificate(certFile)
	if err == nil && usable(cert, key, now) && names(cert, hosts) && cert.CheckSignatureFrom(ca) == nil {
		return nil
	}
	t := template(now, certificateLife, hosts[0])
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	_, err = sign(certFile, t, ca, key, caKey)
	return err
}

func template(now time.Time, life time.Duration, name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // never fails (crypto/rand)
	return &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-time.Hour), // clocks differ
		NotAfter:              now.Add(life),
		BasicConstraintsValid: true,
	}
}

// usable: it belongs to key and will not end soon.
func usable(c *x509.Certificate, key *ecdsa.PrivateKey, now time.Time) bool {
	return key.PublicKey.Equal(c.PublicKey) && now.Add(renewBefore).Before(c.NotAfter)
}

// names tells whether c is for exactly hosts.
func names(c *x509.Certificate, hosts []string) bool {
	have := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		have = append(have, ip.String())
	}
	want := slices.Clone(hosts)
	for i, h := range want {
		if ip := net.ParseIP(h); ip != nil {
			want[i] = ip.String()
		}
	}
	slices.Sort(have)
	slices.Sort(want)
	return slices.Equal(have, want)
}

// sign makes a certificate and puts it into file.
func sign(file string, t, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, err
	}
	if err := writePEM(file, 0o644, "CERTIFICATE", der); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func loadCertificate(file string) (*x509.Certificate, error) {
	der, err := readPEM(file)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// loadKey reads a key, or makes it where the file is missing. A file that is
// there and is no key of ours is an error: it is never overwritten.
func loadKey(file string) (*ecdsa.PrivateKey, error) {
	der, err := readPEM(file)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		if der, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
			return nil, err
		}
		return key, writePEM(file, 0o600, "PRIVATE KEY", der)
	}
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: not an ECDSA key", file)
	}
	return key, nil
}

func readPEM(file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s: not PEM", file)
	}
	return block.Bytes, nil
}

// writePEM replaces file as a whole: write, sync, rename, sync the folder.
func writePEM(file string, mode fs.FileMode, kind string, der []byte) error {
	var b bytes.Buffer
	if err := pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename, as it should
	_, err = f.Write(b.Bytes())
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
