package main

import (
	"cmp"
	"context"

	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/serve"
	"guichet/cmd/guichet/session"
	"guichet/connectors/client"
)

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
