package signin

import (
	"net/http"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"guichet/schemas"
)

// maxForm bounds what a form of the sign-in says, in bytes.
const maxForm = 8 << 10

// choose shows where one can sign in, or sends the browser on where there is one place.
func (d *Door) choose(w http.ResponseWriter, r *http.Request) {
	to := Local(r.URL.Query().Get("to"))
	if len(d.offers) != 1 {
		_, err := d.at(r)
		if err == nil && len(d.offers) == 0 {
			_, err = d.offered("")
		}
		if err != nil {
			d.show(w, r, to, err)
			return
		}
		d.draw(w, r, http.StatusOK, View{To: to})
		return
	}
	onward, err := d.onward(w, r, d.offers[0].Issuer.Issuer, to)
	if err != nil {
		d.show(w, r, to, err)
		return
	}
	http.Redirect(w, r, onward, http.StatusSeeOther)
}

// begin sends the browser to the issuer that was chosen. It answers with a page, since
// browsers hold a redirect that follows a form against the form-action of the page
// that had it, which names this site alone.
func (d *Door) begin(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	to := Local(r.PostForm.Get("to"))
	if err != nil {
		d.show(w, r, to, about(schemas.Invalid, ProblemForm, "the form cannot be read", "sign in again"))
		return
	}
	onward, err := d.onward(w, r, r.PostForm.Get("issuer"), to)
	if err != nil {
		d.show(w, r, to, err)
		return
	}
	w.Header().Set("Refresh", "0; url="+onward)
	d.draw(w, r, http.StatusOK, View{To: to, Onward: onward})
}

// onward is the address at an issuer where a browser signs in; the browser is given what it
// must bring back.
func (d *Door) onward(w http.ResponseWriter, r *http.Request, issuer, to string) (string, error) {
	at, err := d.at(r)
	if err != nil {
		return "", err
	}
	o, err := d.offered(issuer)
	if err != nil {
		return "", err
	}
	said, err := d.described(r.Context(), o)
	if err != nil {
		return "", err
	}
	c, err := d.oauth(o, said, at)
	if err != nil {
		return "", err
	}
	p := d.newPending(issuer, to)
	err = d.carry(w, at, append([]pending{p}, d.carried(r, at)...))
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(p.Verifier), oidc.Nonce(p.Nonce)}
	for name, value := range o.Web.Parameters {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	return c.AuthCodeURL(p.State, options...), nil
}

// crossOrigin answers forms that another site sent.
func (d *Door) crossOrigin(w http.ResponseWriter, r *http.Request) {
	d.show(w, r, "/", about(schemas.Denied, ProblemOrigin, "another site sent this form",
		"use the buttons of this site; if you did, the operator sets public_url to the address that you see"))
}
