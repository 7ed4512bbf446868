package signin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"guichet/schemas"
)

// answer takes what the issuer sent the browser back with, and begins a session.
func (d *Door) answer(w http.ResponseWriter, r *http.Request) {
	to := "/"
	at, err := d.at(r)
	if err == nil {
		var p *pending
		p, err = d.cameBack(w, r, at)
		if p != nil {
			to = p.To
		}
		if err == nil {
			err = d.finish(w, r, at, p)
		}
	}
	if err != nil {
		d.show(w, r, to, err)
		return
	}
	w.Header().Set("Location", at.path+to)
	w.WriteHeader(http.StatusSeeOther)
}

// cameBack finds the sign-in that an answer belongs to, which counts once.
func (d *Door) cameBack(w http.ResponseWriter, r *http.Request, at place) (*pending, error) {
	p, others := found(d.carried(r, at), r.URL.Query().Get("state"))
	if p == nil {
		return nil, about(schemas.Unauthenticated, ProblemState,
			"this answer belongs to no sign-in that began in this browser within the last 10 minutes", "sign in again")
	}
	err := d.carry(w, at, others)
	if err != nil {
		return p, err
	}
	return p, d.once(r.Context(), p)
}

// finish trades the answer for tokens, and begins a session with them.
func (d *Door) finish(w http.ResponseWriter, r *http.Request, at place, p *pending) error {
	o, err := d.offered(p.Issuer)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if code := q.Get("error"); code != "" {
		d.Log.Info("an issuer did not sign somebody in", "issuer", p.Issuer, "error", cut(code), "description", cut(q.Get("error_description")))
		return o.said(code)
	}
	said, err := d.described(r.Context(), o)
	if err != nil {
		return err
	}
	if iss := q.Get("iss"); iss != p.Issuer && (iss != "" || said.Names) { // another issuer's answer [RFC 9207 §2.4]
		return about(schemas.Unauthenticated, ProblemState, "this answer is another issuer's", "sign in again")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), askingFor)
	defer cancel()
	t, by, err := d.trade(ctx, o, said, at, q.Get("code"), p)
	if err != nil {
		return err
	}
	return d.open(ctx, w, r, at, by, t)
}

// cut bounds foreign words in a log.
func cut(s string) string { return s[:min(len(s), 200)] }

// said is an error that an issuer answered with [RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6].
func (o *offer) said(code string) error {
	switch code {
	case "access_denied":
		return about(schemas.Denied, ProblemDenied, o.Shown()+" did not let you in, or you told it not to",
			"sign in again, or ask who keeps your account there")
	case "login_required", "interaction_required", "account_selection_required", "consent_required":
		return about(schemas.Unauthenticated, ProblemDenied, o.Shown()+" wants to ask you something before it signs you in", "sign in again")
	case "server_error", "temporarily_unavailable":
		return about(schemas.Unavailable, ProblemAway, o.Shown()+" cannot sign people in now", "try again in a moment")
	}
	return about(schemas.Unauthenticated, ProblemRefused, o.Shown()+" did not understand this site",
		"try again; if it stays so, the operator of this site finds the reason in its log")
}

// refused is what an issuer says to a code or a refresh token. Errors: Unavailable where it does
// not answer as one, Unauthenticated where it says no.
func (o *offer) refused(err error) error {
	no, is := errors.AsType[*oauth2.RetrieveError](err)
	if !is || no.ErrorCode == "" || no.Response == nil || no.Response.StatusCode >= http.StatusInternalServerError {
		return o.away(err)
	}
	e := about(schemas.Unauthenticated, ProblemRefused, o.Shown()+" gave no token",
		"sign in again; if it stays so, tell the operator of this site")
	e.Err = err
	return e
}

// trade gets tokens for a code, and holds them against what was asked for.
func (d *Door) trade(
	ctx context.Context, o *offer, said *description, at place, code string, p *pending,
) (t tokens, by schemas.Principal, err error) {
	c, err := d.oauth(o, said, at)
	if err != nil {
		return t, by, err
	}
	got, err := c.Exchange(oidc.ClientContext(ctx, o.client), code, oauth2.VerifierOption(p.Verifier))
	if err != nil {
		d.Log.Warn("an issuer gave no token", "issuer", p.Issuer, "err", cut(err.Error()))
		return t, by, o.refused(err)
	}
	err = d.checkID(ctx, o, said, got, p.Nonce)
	if err != nil {
		d.Log.Warn("an ID token is not accepted", "issuer", p.Issuer, "err", err)
		return t, by, about(schemas.Unauthenticated, ProblemToken, o.Shown()+" did not say who signed in so that it can be believed",
			"sign in again; if it stays so, tell the operator of this site")
	}
	by, until, err := d.Auth.Until(ctx, got.AccessToken)
	if err != nil {
		return t, by, unaccepted(err)
	}
	t = tokens{Issuer: p.Issuer, Subject: by.Subject, Access: got.AccessToken, Refresh: got.RefreshToken, Got: d.Now(), Until: until}
	return t, by, nil
}

// checkID holds the ID token against this sign-in: it must be for this client, signed as access
// tokens are, and carry the nonce that the browser brought [OpenID Connect Core §3.1.3.7].
func (d *Door) checkID(ctx context.Context, o *offer, said *description, got *oauth2.Token, nonce string) error {
	raw, _ := got.Extra("id_token").(string)
	if len(raw) > maxToken {
		return errors.New("it is too long")
	}
	v := said.provider.Verifier(&oidc.Config{ClientID: o.Web.Client, SupportedSigningAlgs: o.Signs(), Now: d.earlier})
	id, err := v.Verify(ctx, raw)
	if err != nil {
		return err
	}
	if id.Nonce != nonce {
		return errors.New("it is of another sign-in: the nonce is not ours")
	}
	if id.Subject == "" {
		return errors.New("it names nobody")
	}
	var party struct {
		Client string `json:"azp"`
	}
	err = id.Claims(&party)
	if err != nil || party.Client != "" && party.Client != o.Web.Client {
		return errors.New("it was given to another client")
	}
	if id.AccessTokenHash != "" {
		return id.VerifyAccessToken(got.AccessToken)
	}
	return nil
}

// maxToken bounds an ID token, in bytes.
const maxToken = 16 << 10

// earlier is now as the slowest clock has it that gateway/auth accepts.
func (d *Door) earlier() time.Time { return d.Now().Add(-leeway) }

// unaccepted is what gateway/auth says against a token, for a person: she cannot mend a token.
func unaccepted(err error) error {
	e, is := errors.AsType[*schemas.Error](err)
	if !is || e.Kind == schemas.Internal {
		return err
	}
	mine := *e
	mine.Subject, mine.Remedy = ProblemToken, "sign in again; if it stays so, tell the operator of this site"
	if e.Kind == schemas.Unavailable {
		mine.Subject = ProblemAway
	}
	return &mine
}
