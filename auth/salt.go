package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"sync"

	"posthorn/store"
)

// The salt of a login is public: SCRAM tells it to whoever asks. So that it
// does not tell who has an account, a login that nobody has gets one too, the
// same at each question: an HMAC of the login under a secret of the store. An
// account's salt begins as the same HMAC, so that not even the making of an
// account, or of its first keys, can be seen; then it is stored, since all keys
// of the account depend on it.
const (
	saltSecret = "scram-salt"
	scramSalt  = 16 // octets
)

// salts is the secret behind them, read by Settle, or when it is needed first.
type salts struct {
	mu     sync.Mutex // guards secret
	secret []byte
}

// salted is k, with the salt and count of login where it has none.
func (a *Auth) salted(ctx context.Context, login string, k store.SCRAM) (store.SCRAM, error) {
	secret, err := a.secret(ctx)
	if err != nil {
		return k, err
	}
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(login))
	if salt := h.Sum(nil)[:scramSalt]; k.Salt == nil {
		k.Salt, k.Iterations = salt, iterations
	}
	return k, nil
}

func (a *Auth) secret(ctx context.Context) ([]byte, error) {
	a.salts.mu.Lock()
	defer a.salts.mu.Unlock()
	if a.salts.secret == nil {
		secret, err := a.dir.Secret(ctx, saltSecret)
		if err != nil {
			return nil, err
		}
		a.salts.secret = secret
	}
	return a.salts.secret, nil
}
