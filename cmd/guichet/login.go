package main

import (
	"cmp"
	"context"
	"fmt"

	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/serve"
	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// loginCmd signs in with a client's credentials, the flow that needs no browser.
type loginCmd struct {
	Issuer           string `required:"" help:"OIDC issuer." placeholder:"URL"`
	ClientID         string `required:"" help:"The client's id." placeholder:"ID"`
	ClientSecretFile string `required:"" help:"File with the client's secret." type:"existingfile" placeholder:"FILE"`
}

// Run tries the credentials at the issuer and the gateway and keeps where they are.
func (v loginCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	if g.Server == "" {
		return schemas.BadField("login", "server", "say which gateway: --server URL or GUICHET_SERVER")
	}
	if g.Token != "" {
		return schemas.BadField("login", "--token",
			"login keeps a client's secret, no token: a token is given to each command (--token FILE, or GUICHET_TOKEN_FILE)")
	}
	s := session.Session{Server: g.Server, Issuer: v.Issuer, ClientID: v.ClientID, Secret: v.ClientSecretFile, CA: g.CA}
	source, err := s.Source(ctx)
	if err != nil {
		return err
	}
	_, err = source(ctx)
	if err != nil {
		return err
	}
	believe, err := s.Believe()
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
		err = session.Follow(ctx, g.terminal, gateway, g.Server, true)
	}
	if err != nil {
		return err
	}
	path, err := s.Keep()
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(map[string]any{"session": path, "me": me})
	}
	fmt.Fprintf(t.Out, "signed in at %s as %s\n", v.Issuer, v.ClientID)
	if me.Participant == "" {
		fmt.Fprintf(
			t.Out,
			"but you are a member of no participant there: ask the operator to add\n  {iss: %s, sub: %s, roles: […]}\nto your organisation's "+
				"members\n",
			me.Issuer,
			me.Subject,
		)
		return nil
	}
	fmt.Fprintf(t.Out, "you act for %s%s\n", me.Participant, terminal.InRoles(me.Roles))
	return nil
}

// tokenCmd prints the token of whoever is signed in, for programs that take one.
type tokenCmd struct{}

// Run prints it, alone, so that a shell can take it.
func (tokenCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	token, err := session.Token(ctx, session.Session{Server: g.Server, CA: g.CA}, g.Token)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(map[string]string{"token": token})
	}
	fmt.Fprintln(t.Out, token)
	return nil
}

// client makes the client of a verb: of a job where --job-key names one, else --token or
// GUICHET_TOKEN, else the session.
func (g *grammar) client(ctx context.Context) (*client.Client, error) {
	if g.JobKey != "" {
		c, _, err := g.job()
		return c, err
	}
	return g.person(ctx)
}

// person makes the client of whoever is signed in.
func (g *grammar) person(ctx context.Context) (*client.Client, error) {
	return session.Open(ctx, g.terminal, session.Session{Server: g.Server, CA: g.CA}, g.Token, "http://"+serve.DefaultListen)
}

// job makes the client of a job, which has a job key and nobody who is signed in.
func (g *grammar) job() (*client.Client, client.JobKey, error) {
	text, err := files.Secret(g.JobKey)
	if err != nil {
		return nil, client.JobKey{}, err
	}
	k, err := client.ReadJobKey([]byte(text))
	if err != nil {
		return nil, k, err
	}
	c, err := session.OpenJob(g.terminal, session.Session{Server: cmp.Or(g.Server, k.Server), CA: g.CA}, k)
	return c, k, err
}
