// Package signin lets people sign in with a browser: by authorization code with PKCE
// [RFC 6749 §4.1, RFC 7636, OpenID Connect Core 1.0 §3.1] at an issuer of the settings.
//
// In: requests of browsers, answers of issuers. Out: a session, whose access token the
// pages use as any other caller does (Token). Always: a session begins only with a token that
// gateway/auth accepts; the database holds tokens sealed by a key that only the browser
// has; cookies open nothing but Token; nobody is led off this site but to an issuer. It
// must not know what a caller may do, nor what pages show.
package signin

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/singleflight"

	"guichet/connectors/db"
	"guichet/gateway/auth"
	"guichet/schemas"
)

// Judge says whose a token is, and until when it is good (auth.Authenticator).
type Judge interface {
	Until(ctx context.Context, token string) (schemas.Principal, time.Time, error)
}

// Config is what a Door needs.
type Config struct {
	DB      *db.DB
	Auth    Judge
	Issuers []auth.Issuer                     // those without web offer no sign-in
	Secret  func(file string) (string, error) // reads a secret that the settings name
	Over    http.RoundTripper                 // to issuers; http.DefaultTransport when nil
	Public  string                            // where the world reaches the site; from this machine alone when ""
	Key     []byte                            // of 32 bytes, the same on each replica: seals what waits for an issuer's answer
	Idle    time.Duration                     // a session ends that was not used for so long; an hour when 0
	Life    time.Duration                     // and after that however it is used; 12 hours when 0
	Now     func() time.Time                  // time.Now when nil
	Log     *slog.Logger                      // silent when nil
	// Render draws a page of the sign-in; plainly when nil. Headers for caching and referrers are set.
	Render func(w http.ResponseWriter, r *http.Request, status int, v View)
}

// View is what a page of the sign-in shows.
type View struct {
	Base    string         // before the path of each link and form, "" mostly: the path of the site's address
	Issuers []Choice       // where one can sign in: POST /signin with issuer and to
	To      string         // where one goes on afterwards, a path of this site
	Onward  string         // not "": the browser is on its way there, to sign in (header Refresh); show it as a link
	Problem *schemas.Error // why somebody is not signed in; Subject is one of the Problem… names
}

// Choice is an issuer to sign in at.
type Choice struct {
	Issuer string // its address, the value of the form's field issuer
	Name   string // what people know it by
}

// Door is the sign-in of browsers. Safe for concurrent use.
type Door struct {
	Config
	offers []*offer
	asking singleflight.Group
}

// New makes the door; issuers are asked when somebody wants to sign in. Run sweeps.
func New(c Config) *Door {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Over == nil {
		c.Over = http.DefaultTransport
	}
	if c.Idle == 0 {
		c.Idle = time.Hour
	}
	if c.Life == 0 {
		c.Life = 12 * time.Hour
	}
	if c.Render == nil {
		c.Render = plain
	}
	d := &Door{Config: c}
	for i := range c.Issuers {
		if c.Issuers[i].Web != nil {
			d.offers = append(d.offers, &offer{Issuer: &c.Issuers[i], client: c.Issuers[i].HTTP(c.Over)})
		}
	}
	return d
}

// Handler answers GET and POST /signin, GET /signin/answer and POST /signout.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /signin", d.choose)
	mux.HandleFunc("POST /signin", d.begin)
	mux.HandleFunc("GET /signin/answer", d.answer)
	mux.HandleFunc("POST /signout", d.leave)
	guard := http.NewCrossOriginProtection()
	if d.Public != "" {
		_ = guard.AddTrustedOrigin(originOf(d.Public)) // it is one: a proxy may name another Host to us
	}
	guard.SetDenyHandler(http.HandlerFunc(d.crossOrigin))
	return withHeaders(guard.Handler(mux))
}

// draw draws a page.
func (d *Door) draw(w http.ResponseWriter, r *http.Request, status int, v View) {
	at, err := d.at(r)
	if err == nil {
		v.Base = at.path
	}
	v.Issuers = d.choices()
	d.Render(w, r, status, v)
}

// withHeaders keeps answers out of caches, and codes in addresses out of referrers.
func withHeaders(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "same-origin") // with none at all, forms would come without their origin
		h.ServeHTTP(w, r)
	})
}

// Offers says whether one can sign in anywhere.
func (d *Door) Offers() bool { return len(d.offers) > 0 }

// choices are where one can sign in.
func (d *Door) choices() []Choice {
	var out []Choice
	for _, o := range d.offers {
		out = append(out, Choice{Issuer: o.Issuer.Issuer, Name: o.Shown()})
	}
	return out
}

// Run removes sessions and answers whose time is over, until ctx ends.
func (d *Door) Run(ctx context.Context) error {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		err := d.sweep(ctx)
		if err != nil && ctx.Err() == nil {
			d.Log.Warn("sessions that are over stay for now", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}
