package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"guichet/connectors/client"
	"guichet/connectors/trust"
	"guichet/schemas"
)

// session is what login keeps, 0600, in the user's configuration folder.
type session struct {
	Server   string `json:"server"`
	Issuer   string `json:"issuer"`
	ClientID string `json:"client_id"`
	Secret   string `json:"client_secret_file"`
	CA       string `json:"ca,omitempty"` // file of certificate authorities
}

func sessionFile() (string, error) {
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

type loginCmd struct {
	Issuer           string `required:"" help:"OIDC issuer." placeholder:"URL"`
	ClientID         string `required:"" help:"The client's id." placeholder:"ID"`
	ClientSecretFile string `required:"" help:"File with the client's secret." type:"existingfile" placeholder:"FILE"`
}

// Run tries the credentials at the issuer and the gateway and keeps where they are.
func (v loginCmd) Run(ctx context.Context, t *terminal, g *grammar) error {
	if g.Server == "" {
		return schemas.BadField("login", "server", "say which gateway: --server URL or GUICHET_SERVER")
	}
	if g.Token != "" {
		return schemas.BadField("login", "--token", "login keeps a client's secret, no token: a token is given to each command (--token FILE, or GUICHET_TOKEN_FILE)")
	}
	s := session{Server: g.Server, Issuer: v.Issuer, ClientID: v.ClientID, Secret: v.ClientSecretFile, CA: g.CA}
	source, err := s.source(ctx)
	if err != nil {
		return err
	}
	_, err = source(ctx)
	if err != nil {
		return err
	}
	believe, err := s.believe()
	if err != nil {
		return err
	}
	gateway, err := client.New(g.Server, source, believe)
	if err != nil {
		return err
	}
	var me schemas.Identity
	err = gateway.Get(ctx, "/me", &me)
	if err == nil {
		err = g.terminal.follow(ctx, gateway, g.Server, true)
	}
	if err != nil {
		return err
	}
	path, err := sessionFile()
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		return schemas.Errorf(schemas.Unavailable, path, "the session cannot be kept: %w", err)
	}
	if t.json {
		return t.print(map[string]any{"session": path, "me": me})
	}
	fmt.Fprintf(t.out, "signed in at %s as %s\n", v.Issuer, v.ClientID)
	if me.Participant == "" {
		fmt.Fprintf(t.out, "but you are a member of no participant there: ask the operator to add\n  {iss: %s, sub: %s, roles: […]}\nto your organisation's members\n", me.Issuer, me.Subject)
		return nil
	}
	fmt.Fprintf(t.out, "you act for %s%s\n", me.Participant, inRoles(me.Roles))
	return nil
}

// inRoles says roles in words.
func inRoles(roles []schemas.Role) string {
	if len(roles) == 0 {
		return ", but in no role: ask the operator"
	}
	s := make([]string, len(roles))
	for i, r := range roles {
		s[i] = string(r)
	}
	return " as " + strings.Join(s, ", ")
}

func (s session) source(ctx context.Context) (client.TokenSource, error) {
	secret, err := secret(s.Secret)
	if err != nil {
		return nil, err
	}
	believe, err := s.believe()
	if err != nil {
		return nil, err
	}
	return client.ClientCredentials(ctx, s.Issuer, s.ClientID, secret, believe)
}

// believe is whose certificates are believed.
func (s session) believe() (client.Setting, error) {
	roots, err := trust.Roots(s.CA)
	return client.Believe(roots), err
}

// client makes the client of a verb: --token or GUICHET_TOKEN, else the session.
func (g *grammar) client(ctx context.Context) (*client.Client, error) {
	var s session
	path, err := sessionFile()
	if err == nil {
		b, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(b, &s)
			if err != nil {
				return nil, schemas.Errorf(schemas.Invalid, path, "the session in %s cannot be read; sign in again: %w", path, err)
			}
		}
	}
	if g.CA != "" {
		s.CA = g.CA
	}
	server := g.Server
	if server == "" {
		server = s.Server
	}
	if server == "" {
		server = "http://" + defaultListen
	}
	var source client.TokenSource
	switch {
	case g.Token != "":
		t, err := secret(g.Token)
		if err != nil {
			return nil, err
		}
		source = client.Static(t)
	case os.Getenv("GUICHET_TOKEN") != "":
		source = client.Static(strings.TrimSpace(os.Getenv("GUICHET_TOKEN")))
	case s.Issuer != "":
		source, err = s.source(ctx)
		if err != nil {
			return nil, err
		}
	}
	believe, err := s.believe()
	if err != nil {
		return nil, err
	}
	c, err := client.New(server, source, believe)
	if err == nil && !g.JSON {
		c = c.Shown()
	}
	if err == nil && source != nil {
		err = g.terminal.follow(ctx, c, server, false)
	}
	return c, err
}

// query makes a query string of what was said.
func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}
