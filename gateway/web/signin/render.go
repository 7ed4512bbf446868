package signin

import (
	"html/template"
	"net/http"
)

// plainPage is the sign-in without the site's pages: every word from elsewhere is escaped.
const plainPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign in</title></head>
<body><main><h1>Sign in</h1>
{{with .Problem}}<p role="alert">{{.Message}}</p>{{with .Remedy}}<p>{{.}}</p>{{end}}{{end}}
{{if .Onward}}<p><a href="{{.Onward}}">Go on to sign in</a></p>
{{else}}{{$to := .To}}{{range .Issuers}}<form method="post" action="{{$.Base}}/signin"><input type="hidden" name="to" value="{{$to}}">
<button name="issuer" value="{{.Issuer}}">{{.Name}}</button></form>
{{end}}{{end}}</main></body></html>
`

// plain draws it.
func plain(w http.ResponseWriter, _ *http.Request, status int, v View) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = template.Must(template.New("signin").Parse(plainPage)).Execute(w, v) // the browser may be gone
}
