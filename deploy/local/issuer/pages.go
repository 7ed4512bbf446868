package issuer

import (
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The two clients of people, which have no secret: the gateway's pages, and its command line.
const (
	WebClient    = "guichet-web"
	DeviceClient = "guichet-cli"
)

const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign in</title></head>
<body><main><h1>Who are you?</h1>
{{with .Said}}<p role="status">{{.}}</p>{{end}}
{{if .Ask}}<form method="get"><label>The code that the program shows <input name="user_code" required></label> <button>Go on</button></form>{{end}}
{{if .People}}<p>This issuer of a demo knows no passwords.</p>
<form method="post"><input type="hidden" name="id" value="{{.ID}}"><input type="hidden" name="user_code" value="{{.Code}}">
{{with .Code}}<p>Somebody wants to sign in with a program that shows <strong>{{.}}</strong>. Go on only if that is you.</p>{{end}}
<ul>{{range .People}}<li><button name="who" value="{{.ID}}">{{.ID}}</button> {{.Participant}}, {{range .Roles}}{{.}} {{end}}</li>
{{end}}</ul><button name="who" value="">none of them</button></form>{{end}}</main></body></html>
`

// shown is what the page shows.
type shown struct {
	Said     string
	Ask      bool   // for a program's code
	ID, Code string // of what is answered
	People   []Client
}

func show(w http.ResponseWriter, status int, s shown) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = template.Must(template.New("page").Parse(page)).Execute(w, s) // the browser went away
}

// local lets requests through that name this machine: a web page elsewhere may have
// its own name lead here.
func local(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		ip, bad := netip.ParseAddr(host)
		if err != nil || host != "localhost" && (bad != nil || !ip.IsLoopback()) {
			http.Error(w, "this issuer signs people of this machine in alone", http.StatusForbidden)
			return
		}
		h(w, r)
	}
}

// choose shows who there is to a browser that signs in.
func (i *Issuer) choose(w http.ResponseWriter, r *http.Request) {
	show(w, http.StatusOK, shown{ID: r.URL.Query().Get("id"), People: i.people})
}

// chosen signs somebody in and sends the browser back to its client.
func (i *Issuer) chosen(w http.ResponseWriter, r *http.Request) {
	id, who := r.PostFormValue("id"), r.PostFormValue("who")
	request, err := i.store.AuthRequestByID(r.Context(), id)
	if err != nil {
		show(w, http.StatusBadRequest, shown{Said: err.Error()})
		return
	}
	if _, known := i.store.clients[who]; !known {
		op.AuthRequestError(w, r, request, oidc.ErrAccessDenied(), i.provider)
		return
	}
	err = i.store.choose(id, who)
	if err != nil {
		show(w, http.StatusBadRequest, shown{Said: err.Error()})
		return
	}
	http.Redirect(w, r, i.provider.AuthorizationEndpoint().Relative()+"/callback?id="+url.QueryEscape(id), http.StatusSeeOther)
}

// program asks for a program's code, and shows who there is.
func (i *Issuer) program(w http.ResponseWriter, r *http.Request) {
	code := strings.ToUpper(strings.TrimSpace(r.URL.Query().Get("user_code")))
	if code == "" {
		show(w, http.StatusOK, shown{Ask: true})
		return
	}
	show(w, http.StatusOK, shown{Code: code, People: i.people})
}

// programLet signs a program in, or refuses to.
func (i *Issuer) programLet(w http.ResponseWriter, r *http.Request) {
	who := r.PostFormValue("who")
	if _, known := i.store.clients[who]; !known {
		who = ""
	}
	err := i.store.let(r.PostFormValue("user_code"), who)
	if err != nil {
		show(w, http.StatusBadRequest, shown{Said: err.Error(), Ask: true})
		return
	}
	show(w, http.StatusOK, shown{Said: "Done. Go back to the program."})
}
