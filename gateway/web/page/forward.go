package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"

	"guichet/schemas"
)

// Forward gives what the API answers, as it comes, and browsers keep it nowhere; what it refuses becomes a page.
func (v *Visit) Forward(path, query string) error {
	token, err := v.API.Token(v.Ctx())
	if err != nil {
		return err
	}
	r := v.R.Clone(v.Ctx())
	r.URL = &url.URL{Path: "/api/v1" + path, RawQuery: query}
	r.Header = http.Header{"Authorization": {"Bearer " + token}, "X-Forwarded-For": r.Header["X-Forwarded-For"]}
	w := &passing{to: v.W, head: http.Header{"Cache-Control": {"no-store"}}}
	v.Site.API.ServeHTTP(w, r)
	if w.refused == 0 {
		return nil
	}
	p := &schemas.Problem{}
	err = json.Unmarshal(w.held.Bytes(), p)
	if err != nil {
		return fmt.Errorf("read why a file is refused (%d): %w", w.refused, err)
	}
	return p
}

// passing passes an answer on, and holds one that refuses.
type passing struct {
	to      http.ResponseWriter
	head    http.Header
	begun   bool
	refused int // status
	held    bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *passing) Header() http.Header { return w.head }

// WriteHeader implements http.ResponseWriter.
func (w *passing) WriteHeader(status int) {
	if w.begun {
		return
	}
	w.begun = true
	if status >= http.StatusBadRequest {
		w.refused = status
		return
	}
	maps.Copy(w.to.Header(), w.head)
	w.to.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *passing) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.refused > 0 {
		return w.held.Write(b)
	}
	return w.to.Write(b)
}
