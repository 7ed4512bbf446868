// Package login is the verbs of who is signed in: login, logout, token.
//
// In: an issuer, a client with or without a secret; a person who says yes in a browser. Out:
// a session of this machine, tried at the gateway. Always: nothing is kept that the gateway
// does not take; a browser is never opened, only told of. It must not know the other verbs.
package login

import (
	"context"
	"fmt"

	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// Said is what the command line says for all verbs.
type Said struct{ Server, CA, Token string }

// Cmd signs in: a person by a code that she enters in a browser, or a client by its secret.
type Cmd struct {
	Issuer           string   `required:"" help:"OIDC issuer." placeholder:"URL"`
	ClientID         string   `required:"" help:"The client's id." placeholder:"ID"`
	ClientSecretFile string   `help:"File with the client's secret; a person signs in when left out." type:"existingfile" placeholder:"FILE"`
	Scope            []string `help:"What is asked for, where a person signs in." default:"openid,offline_access" placeholder:"SCOPE"`
}

// Run signs in at the issuer, tries the gateway, and keeps the session.
func (v Cmd) Run(ctx context.Context, t *terminal.Terminal, said Said) error {
	if said.Server == "" {
		return schemas.BadField("login", "server", "say which gateway: --server URL or GUICHET_SERVER")
	}
	if said.Token != "" {
		return schemas.BadField("login", "--token",
			"login keeps a sign-in, no token: a token is given to each command (--token FILE, or GUICHET_TOKEN_FILE)")
	}
	s := session.Session{Server: said.Server, Issuer: v.Issuer, ClientID: v.ClientID, Secret: v.ClientSecretFile, CA: said.CA}
	believe, err := s.Believe()
	if err != nil {
		return err
	}
	var tokens client.Tokens
	var source client.TokenSource
	if v.ClientSecretFile == "" {
		person := s.People()
		person.Scopes = v.Scope
		tokens, err = person.SignIn(ctx, func(p client.Prompt) error { return prompt(t, p) }, believe)
		source = client.Static(tokens.Access)
	} else {
		source, err = s.Source(ctx)
		if err == nil {
			_, err = source(ctx)
		}
	}
	if err != nil {
		return err
	}
	me, err := try(ctx, t, s, source)
	if err == nil && v.ClientSecretFile == "" {
		err = s.KeepTokens(tokens)
	}
	var path string
	if err == nil {
		path, err = s.Keep()
	}
	if err != nil && tokens.Refresh != "" { // what is not kept is good for nothing
		_ = s.People().Forget(context.WithoutCancel(ctx), tokens.Refresh, believe)
	}
	if err != nil {
		return err
	}
	return v.tell(t, path, me)
}

// try asks the gateway who signed in, and takes its record as it is.
func try(ctx context.Context, t *terminal.Terminal, s session.Session, source client.TokenSource) (me schemas.Identity, err error) {
	believe, err := s.Believe()
	if err != nil {
		return me, err
	}
	gateway, err := client.New(s.Server, source, believe)
	if err != nil {
		return me, err
	}
	err = gateway.Get(ctx, "/me", &me)
	if err == nil {
		err = session.Follow(ctx, t, gateway, s.Server, true)
	}
	return me, err
}

// prompt says where a person signs in, and what she enters there.
func prompt(t *terminal.Terminal, p client.Prompt) error {
	if t.JSON { // the answer alone is for standard output
		return t.Encode(t.Err, "", p)
	}
	fmt.Fprintf(t.Out, "with a browser, go to %s\nand enter the code %s\n", schemas.Visible(p.Address), schemas.Visible(p.Code))
	if p.Complete != "" {
		fmt.Fprintf(t.Out, "or go to %s and see that it shows this code\n", schemas.Visible(p.Complete))
	}
	fmt.Fprintln(t.Out, "waiting for you …")
	return nil
}

// tell says who is signed in.
func (v Cmd) tell(t *terminal.Terminal, path string, me schemas.Identity) error {
	if t.JSON {
		return t.Print(map[string]any{"session": path, "me": me})
	}
	who := v.ClientID
	if v.ClientSecretFile == "" {
		who = me.Subject
	}
	fmt.Fprintf(t.Out, "signed in at %s as %s\n", v.Issuer, schemas.Visible(who))
	if me.Participant == "" {
		fmt.Fprintf(t.Out, "but you are a member of no participant there: ask the operator to add\n  {iss: %s, sub: %s, roles: […]}\n"+
			"to your organisation's members\n", schemas.Visible(me.Issuer), schemas.Visible(me.Subject))
		return nil
	}
	fmt.Fprintf(t.Out, "you act for %s%s\n", schemas.Visible(string(me.Participant)), terminal.InRoles(me.Roles))
	return nil
}

// OutCmd ends the session of this machine.
type OutCmd struct{}

// Run removes what was kept, and tells the issuer.
func (OutCmd) Run(ctx context.Context, t *terminal.Terminal) error {
	s, err := session.End(ctx)
	if err != nil && schemas.KindOf(err) != schemas.Unavailable {
		return err
	}
	told := err == nil
	if t.JSON {
		return t.Print(map[string]any{"issuer": s.Issuer, "issuer_told": told})
	}
	switch {
	case s.Issuer == "":
		fmt.Fprintln(t.Out, "nobody was signed in")
	case !told:
		fmt.Fprintf(t.Out, "signed out; the issuer %s could not be told\n", s.Issuer)
	default:
		fmt.Fprintln(t.Out, "signed out")
	}
	return nil
}

// TokenCmd prints the token of whoever is signed in, for programs that take one.
type TokenCmd struct{}

// Run prints it, alone, so that a shell can take it.
func (TokenCmd) Run(ctx context.Context, t *terminal.Terminal, said Said) error {
	token, err := session.Token(ctx, session.Session{Server: said.Server, CA: said.CA}, said.Token)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(map[string]string{"token": token})
	}
	fmt.Fprintln(t.Out, token)
	return nil
}
