package main

import (
	"crypto/tls"
	"os"

	"posthorn/internal/serve"
)

// checkFiles reads the files that the config names. `config check` and `serve`
// ask; other verbs do not need them.
func (c *Config) checkFiles() error {
	j := &judgement{file: c.file, data: c.text}
	if c.TLS.Certificate != "" {
		if _, err := os.ReadFile(c.TLS.Certificate); err != nil {
			j.mistake("tls.certificate", 0, "%v", err)
		} else if _, err := os.ReadFile(c.TLS.Key); err != nil {
			j.mistake("tls.key", 0, "%v", err)
		} else if _, err := tls.LoadX509KeyPair(c.TLS.Certificate, c.TLS.Key); err != nil {
			j.mistake("tls.certificate", 0, "%v", err)
		}
	}
	if _, err := serve.ReadPool(c.TLS.ClientCA); err != nil {
		j.mistake("tls.client_ca", 0, "%v", err)
	}
	c.checkOIDCFiles(j)
	if _, err := serve.ReadPool(c.Relay.CAFile); err != nil {
		j.mistake("relay.ca_file", 0, "%v", err)
	}
	for i, r := range c.Route {
		if r.PasswordFile != "" {
			if _, err := os.ReadFile(r.PasswordFile); err != nil {
				j.mistake("route.password_file", i, "%v", err)
			}
		}
		if _, err := serve.ReadPool(r.CAFile); err != nil {
			j.mistake("route.ca_file", i, "%v", err)
		}
	}
	if err := j.err(); err != nil {
		return usage(err)
	}
	return nil
}

func (c *Config) checkOIDCFiles(j *judgement) {
	if _, err := serve.ReadPool(c.Auth.OIDC.CAFile); err != nil {
		j.mistake("auth.oidc.ca_file", 0, "%v", err)
	}
	if file := c.Auth.OIDC.ClientSecretFile; file != "" {
		if _, err := os.ReadFile(file); err != nil {
			j.mistake("auth.oidc.client_secret_file", 0, "%v", err)
		}
	}
}
