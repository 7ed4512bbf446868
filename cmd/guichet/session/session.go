package session

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/record"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/connectors/trust"
	"guichet/schemas"
)

// Session is what login keeps, 0600, in the user's configuration folder.
type Session struct {
	Server   string `json:"server"`
	Issuer   string `json:"issuer"`
	ClientID string `json:"client_id"`
	Secret   string `json:"client_secret_file"` // "" where a person signed in, whose tokens lie beside
	CA       string `json:"ca,omitempty"`       // file of certificate authorities
}

// File is where the session of this user lies, whether or not there is one.
func File() (string, error) {
	dir := os.Getenv("GUICHET_HOME")
	if dir == "" {
		base, err := os.UserConfigDir()
		if err != nil {
			return "", schemas.Errorf(schemas.Invalid, "session", "there is no place for the session: set GUICHET_HOME: %w", err)
		}
		dir = filepath.Join(base, "guichet")
	}
	return filepath.Join(dir, "session.json"), nil
}

// Source gets tokens for the client or the person of the session, a new one when the last one ends.
func (s Session) Source(ctx context.Context) (client.TokenSource, error) {
	if s.Secret == "" {
		return s.personal, nil
	}
	secret, err := files.Secret(s.Secret)
	if err != nil {
		return nil, err
	}
	believe, err := s.Believe()
	if err != nil {
		return nil, err
	}
	return client.ClientCredentials(ctx, s.Issuer, s.ClientID, secret, believe)
}

// Believe is whose certificates are believed.
func (s Session) Believe() (client.Setting, error) {
	roots, err := trust.Roots(s.CA)
	return client.Believe(roots), err
}

// KeepIn keeps a session whose secret lies beside it.
func KeepIn(dir string, s Session, secret string) error {
	err := os.MkdirAll(dir, 0o700)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	s.Secret = filepath.Join(dir, "secret")
	b, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(s.Secret, []byte(secret), 0o600)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "session.json"), b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	return nil
}

// headsFile keeps them by the gateway's address, beside the session.
func headsFile() (string, error) {
	path, err := File()
	return filepath.Join(filepath.Dir(path), "heads.json"), err
}

// Keep makes it the session of this user, and gives its file.
func (s Session) Keep() (path string, err error) {
	path, err = File()
	if err != nil {
		return "", err
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		return "", schemas.Errorf(schemas.Unavailable, path, "the session cannot be kept: %w", err)
	}
	return path, nil
}

// Follow holds the record of a gateway against what was seen of it last.
func Follow(ctx context.Context, t *terminal.Terminal, c *client.Client, server string, anew bool) error {
	path, err := headsFile()
	if err != nil {
		return nil //nolint:nilerr // there is no place to remember anything
	}
	return record.Follow(ctx, t, c, path, server, anew)
}

// Open makes the client of a verb. What said names (server, authorities) goes before
// what the session keeps, a token file and GUICHET_TOKEN before its issuer; otherwise is
// the server where neither names one. The record of a gateway that is signed in to is
// held against what was seen of it last.
func Open(ctx context.Context, t *terminal.Terminal, said Session, tokenFile, otherwise string) (*client.Client, error) {
	s, err := kept()
	if err != nil {
		return nil, err
	}
	s.CA = cmp.Or(said.CA, s.CA)
	server := cmp.Or(said.Server, s.Server, otherwise)
	source, err := s.tokens(ctx, tokenFile)
	if err != nil {
		return nil, err
	}
	believe, err := s.Believe()
	if err != nil {
		return nil, err
	}
	c, err := client.New(server, source, believe)
	if err == nil && !t.JSON {
		c = c.Shown()
	}
	if err == nil && source != nil {
		err = Follow(ctx, t, c, server, false)
	}
	return c, err
}

// Token gives a token of whoever is signed in, as Open's client sends it. Errors: Unauthenticated
// where nobody is.
func Token(ctx context.Context, said Session, tokenFile string) (string, error) {
	s, err := kept()
	if err != nil {
		return "", err
	}
	s.CA = cmp.Or(said.CA, s.CA)
	source, err := s.tokens(ctx, tokenFile)
	if err != nil {
		return "", err
	}
	if source == nil {
		return "", &schemas.Error{
			Kind: schemas.Unauthenticated, Subject: "token", Message: "nobody is signed in on this machine", Remedy: "sign in: guichet login",
		}
	}
	return source(ctx)
}

// OpenJob makes the client of a job, which signs with a job key what it asks for.
func OpenJob(t *terminal.Terminal, said Session, k client.JobKey) (*client.Client, error) {
	believe, err := said.Believe()
	if err != nil {
		return nil, err
	}
	c, err := client.New(said.Server, nil, believe)
	if err != nil {
		return nil, err
	}
	if !t.JSON {
		c = c.Shown()
	}
	return c.Signing(k), nil
}

// kept reads the session of this user; the zero one where there is none.
func kept() (s Session, err error) {
	path, err := File()
	if err != nil {
		return s, nil //nolint:nilerr // there is no place for one
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return s, nil //nolint:nilerr // nobody signed in
	}
	err = json.Unmarshal(b, &s)
	if err != nil {
		return s, schemas.Errorf(schemas.Invalid, path, "the session in %s cannot be read; sign in again: %w", path, err)
	}
	return s, nil
}

// tokens is where the bearer tokens come from; nil for a stranger.
func (s Session) tokens(ctx context.Context, tokenFile string) (client.TokenSource, error) {
	switch {
	case tokenFile != "":
		t, err := files.Secret(tokenFile)
		if err != nil {
			return nil, err
		}
		return client.Static(t), nil
	case os.Getenv("GUICHET_TOKEN") != "":
		return client.Static(strings.TrimSpace(os.Getenv("GUICHET_TOKEN"))), nil
	case s.Issuer != "":
		return s.Source(ctx)
	}
	return nil, nil
}

// Opener gives a client for the person who signed in.
type Opener func(ctx context.Context) (*client.Client, error)
