// Package login is the verbs of who is signed in: login, logout, token.
//
// In: an issuer, a client with or without a secret; a person who says yes in a browser. Out:
// a session of this machine, tried at the gateway. Always: nothing is kept that the gateway
// does not take; a browser is never opened, only told of. It must not know the other verbs.
package login

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// Said is what the command line says for all verbs.
type Said struct{ Server, CA, Token string }

// Cmd signs in: a person by a code that she enters in a browser, or a client by its secret.
type Cmd struct {
	Issuer           string   `help:"OIDC issuer, by its address or name; the gateway's only one when left out." placeholder:"URL"`
	ClientID         string   `help:"The client's id; what the gateway names for people when left out." placeholder:"ID"`
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
	err := v.complete(ctx, said)
	if err != nil {
		return err
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

// complete asks the gateway where people sign in, and as which client, where that was not said.
func (v *Cmd) complete(ctx context.Context, said Said) error {
	if v.ClientSecretFile != "" && (v.Issuer == "" || v.ClientID == "") {
		return schemas.BadField("login", "--client-secret-file", "say whose client it is, and which: --issuer URL --client-id ID")
	}
	if strings.Contains(v.Issuer, "://") && v.ClientID != "" {
		return nil
	}
	s := session.Session{Server: said.Server, CA: said.CA}
	believe, err := s.Believe()
	if err != nil {
		return err
	}
	gateway, err := client.New(said.Server, nil, believe)
	if err != nil {
		return err
	}
	all, err := client.All[schemas.SignInAt](ctx, gateway, "/issuers")
	if err != nil {
		return err
	}
	var fit []schemas.SignInAt
	var names []string
	for _, is := range all {
		if is.Client == "" && v.ClientID == "" {
			continue
		}
		names = append(names, fmt.Sprintf("%q", is.Name))
		if v.Issuer == "" || v.Issuer == is.Issuer || strings.EqualFold(v.Issuer, is.Name) {
			fit = append(fit, is)
		}
	}
	switch {
	case len(names) == 0:
		return &schemas.Error{Kind: schemas.Invalid, Subject: "login", Message: "the gateway names no issuer for the command line",
			Remedy: "ask its operator for an issuer and a client: guichet login --issuer URL --client-id ID"}
	case len(fit) != 1:
		return &schemas.Error{Kind: schemas.Invalid, Subject: "login", Message: "people sign in at " + strings.Join(names, ", ") + " here",
			Remedy: "say at which: guichet login --issuer " + names[0]}
	}
	v.Issuer, v.ClientID = fit[0].Issuer, cmp.Or(v.ClientID, fit[0].Client)
	return nil
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
			"to your organisation's members, or ask to join with yours: guichet join\n", schemas.Visible(me.Issuer), schemas.Visible(me.Subject))
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
