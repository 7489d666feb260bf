package sign

import (
	"crypto/rsa"
	"crypto/x509"
	"math/big"
)

func x509PKIX(k *rsa.PrivateKey) ([]byte, error) { return x509.MarshalPKIXPublicKey(k.Public()) }

// smallKey has 768 bits, which the standard library makes no more; nothing is
// ever signed with it.
func smallKey() *rsa.PrivateKey {
	n := new(big.Int).Lsh(big.NewInt(1), 767)
	return &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}}
}
