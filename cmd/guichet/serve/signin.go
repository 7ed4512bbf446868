package serve

import (
	"crypto/x509"
	"time"

	"guichet/cmd/guichet/files"
	"guichet/connectors/trust"
	"guichet/gateway/web/signin"
	"guichet/schemas"
)

// signIn wires the sign-in of browsers at the issuers whose settings have web.
func (c *Config) signIn(s *site, judge signin.Judge, k *keys, roots *x509.CertPool) (*signin.Door, error) {
	idle, life, err := c.sessions()
	return signin.New(signin.Config{
		DB: s.db, Auth: judge, Issuers: c.Issuers, Secret: files.Secret, Over: trust.Transport(roots), Public: c.PublicURL, Key: k.web,
		Idle: idle, Life: life, Log: s.log,
	}), err
}

// sessions are how long a browser's session lasts without being used, and at most.
func (c *Config) sessions() (idle, life time.Duration, err error) {
	idle, err = lasting("session_idle", c.SessionIdle)
	if err == nil {
		life, err = lasting("session_life", c.SessionLife)
	}
	if err == nil && idle > life {
		err = schemas.BadField("settings", "session_idle", "%s is longer than a session lasts at most (session_life: %s)",
			c.SessionIdle, c.SessionLife)
	}
	return idle, life, err
}

// lasting reads how long a session lasts.
func lasting(name, said string) (time.Duration, error) {
	d, err := time.ParseDuration(said)
	if err != nil || d < time.Minute || d > 30*24*time.Hour {
		return 0, schemas.BadField("settings", name, "%q is not how long a session lasts; write it like 1h, 1m to 720h", said)
	}
	return d, nil
}

// signIns tells where people sign in: at issuers that have a client for browsers, or one for the command line.
func (c *Config) signIns() []schemas.SignInAt {
	var out []schemas.SignInAt
	for i := range c.Issuers {
		if is := &c.Issuers[i]; is.Web != nil || is.Device != "" {
			out = append(out, schemas.SignInAt{Issuer: is.Issuer, Name: is.Shown(), Client: is.Device})
		}
	}
	return out
}
