package signin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"guichet/connectors/db"
	"guichet/schemas"
)

const (
	renewBefore = time.Minute            // the end of an access token; a quarter of its life where that is less
	renewFor    = 20 * time.Second       // one request at most tries to
	awaitFor    = 15 * time.Second       // others wait for it
	pollEvery   = 100 * time.Millisecond // whether another request has renewed
)

// Token gives the access token of the browser's session, renewed where its end is near; ok is
// false where nobody is signed in. It may set cookies, so it is asked before an answer begins.
// What it gives is still to be judged: a member may have been removed since. Errors: Unavailable
// where the database or the issuer does not answer.
func (d *Door) Token(w http.ResponseWriter, r *http.Request) (token string, ok bool, err error) {
	at, err := d.at(r)
	if err != nil {
		return "", false, nil //nolint:nilerr // nobody can have signed in there
	}
	if readCookie(r, at, sessionCookie) == "" {
		return "", false, nil
	}
	var s *session
	if k, is := brought(r, at); is {
		s, err = d.read(r.Context(), k)
	}
	if err == nil && s != nil {
		s, err = d.fresh(r.Context(), s)
	}
	if err != nil {
		return "", false, err
	}
	if s == nil {
		setCookie(w, at, sessionCookie, "", 0)
		return "", false, nil
	}
	d.use(r.Context(), s)
	return s.Access, true, nil
}

// due says whether tokens should be renewed now.
func (t *tokens) due(now time.Time) bool {
	return !now.Before(t.Until.Add(-min(renewBefore, t.Until.Sub(t.Got)/4)))
}

// fresh gives a session whose access token is good for a while; nil where the session is over.
// Of all requests of all replicas one asks the issuer, since many refresh tokens are good once.
func (d *Door) fresh(ctx context.Context, s *session) (*session, error) {
	now := d.Now()
	good := now.Before(s.Until)
	switch {
	case !s.due(now) || good && s.Refresh == "":
		return s, nil
	case s.Refresh == "":
		return nil, d.end(ctx, s.key)
	case now.Before(s.Failed.Add(askAgain)) && good:
		return s, nil
	case now.Before(s.Failed.Add(askAgain)):
		return nil, d.notRenewed(s, nil)
	}
	mine, err := d.claim(ctx, s)
	switch {
	case mine:
		return d.renew(context.WithoutCancel(ctx), s) // a refresh token that was used must be replaced, whoever goes away
	case good:
		return s, nil // another request is at it, or the database takes no writes
	case err != nil:
		return nil, err
	}
	return d.await(ctx, s)
}

// claim takes it on to renew a session's tokens, unless another request did.
func (d *Door) claim(ctx context.Context, s *session) (mine bool, err error) {
	now := d.Now()
	err = d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		res, err := tx.Exec(ctx, "UPDATE web_session SET renewing = ? WHERE id = ? AND revision = ? AND renewing <= ?",
			now.Add(renewFor).UnixMicro(), s.id, s.revision, now.UnixMicro())
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		mine = n == 1
		return err
	})
	return mine && err == nil, err
}

// await waits for the request that renews.
func (d *Door) await(ctx context.Context, s *session) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, awaitFor)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		next, err := d.read(ctx, s.key)
		switch {
		case ctx.Err() != nil:
			return nil, d.notRenewed(s, ctx.Err())
		case err != nil || next == nil:
			return nil, err
		case d.Now().Before(next.Until):
			return next, nil
		case next.revision != s.revision: // it could not
			return nil, d.notRenewed(s, nil)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func (d *Door) notRenewed(s *session, cause error) error {
	e := about(schemas.Unavailable, ProblemAway, "the issuer "+s.Issuer+" does not say whether you are still signed in",
		"try again in a moment")
	e.Err = cause
	return e
}

// renew asks the issuer for new tokens and stores them; nil where the issuer says no, which
// ends the session. The old token is good for a while where the issuer does not answer.
func (d *Door) renew(ctx context.Context, s *session) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, renewFor)
	defer cancel()
	next, err := d.refreshed(ctx, s)
	if schemas.KindOf(err) == schemas.Unauthenticated || schemas.KindOf(err) == schemas.Denied {
		d.Log.Info("a session ends: it is not renewed", "issuer", s.Issuer, "err", err)
		return nil, d.end(ctx, s.key)
	}
	failed := err
	if failed != nil {
		d.Log.Warn("a session is not renewed for now", "issuer", s.Issuer, "err", failed)
		next.Failed = d.Now()
	}
	b, err := sealed(s.opens, s.id, next)
	if err != nil {
		return nil, err
	}
	err = d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE web_session SET tokens = ?, used = ?, revision = revision + 1, renewing = 0 "+
			"WHERE id = ? AND revision = ?", b, d.Now().UnixMicro(), s.id, s.revision)
		return err
	})
	out := *s
	out.tokens = next
	switch {
	case err != nil:
		return nil, err
	case failed != nil && !d.Now().Before(s.Until):
		return nil, failed
	}
	return &out, nil
}

// refreshed gets new tokens for the refresh token, for the same person. Errors: Unauthenticated
// or Denied where they are not given, or not accepted. With any other error the session goes on
// with what is given, which holds a new refresh token where there was one.
func (d *Door) refreshed(ctx context.Context, s *session) (tokens, error) {
	o, err := d.offered(s.Issuer)
	if err != nil { // the operator took it out of the settings
		return tokens{}, about(schemas.Unauthenticated, ProblemIssuer, "one signs in no longer at this issuer", "sign in again")
	}
	said, err := d.described(ctx, o)
	if err != nil {
		return s.tokens, err
	}
	c, err := d.oauth(o, said, place{})
	if err != nil {
		return s.tokens, err
	}
	got, err := c.TokenSource(oidc.ClientContext(ctx, o.client), &oauth2.Token{RefreshToken: s.Refresh}).Token()
	if no, is := errors.AsType[*oauth2.RetrieveError](err); is && no.ErrorCode == "invalid_grant" {
		return tokens{}, o.refused(err)
	}
	if err != nil { // also where it does not take our secret: that is the operator's to mend
		return s.tokens, o.away(err)
	}
	by, until, err := d.Auth.Until(ctx, got.AccessToken)
	if err != nil {
		old := s.tokens
		old.Refresh = got.RefreshToken
		return old, err
	}
	if by.Issuer != s.Issuer || by.Subject != s.Subject {
		return tokens{}, about(schemas.Unauthenticated, ProblemToken, "the issuer gave another person's token", "sign in again")
	}
	return tokens{Issuer: s.Issuer, Subject: s.Subject, Access: got.AccessToken, Refresh: got.RefreshToken, Got: d.Now(), Until: until}, nil
}
