package page

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"guichet/connectors/client"
	"guichet/gateway/problem"
	"guichet/schemas"
)

// within carries calls to the API of the same process: they pass everything that calls from
// outside pass, under the address of the browser.
type within struct {
	api     http.Handler
	log     *slog.Logger
	browser *http.Request
}

// inside is the API as a stranger behind a browser's request calls it.
func (s *Site) inside(r *http.Request) *client.Client {
	c, err := client.New("http://gateway", nil)
	if err != nil { // the address is a constant
		panic(err)
	}
	return c.Through(within{s.API, s.Log, r})
}

// Readiness is whether the gateway does all that it is for, as it says at /readyz.
type Readiness struct {
	Ready bool     `json:"ready"`
	Why   []string `json:"why"`   // it is not
	Notes []string `json:"notes"` // what waits for somebody, and keeps nobody else out
}

// Readiness asks the gateway.
func (v *Visit) Readiness() (out Readiness, err error) {
	r, err := http.NewRequestWithContext(v.Ctx(), http.MethodGet, "/readyz", http.NoBody)
	if err != nil {
		return out, fmt.Errorf("ask whether all is well: %w", err)
	}
	r.Header.Set("Accept", "application/json")
	a, err := within{v.Site.API, v.Site.Log, v.R}.RoundTrip(r)
	if err != nil {
		return out, err
	}
	defer a.Body.Close()
	err = json.NewDecoder(a.Body).Decode(&out)
	if err != nil {
		return out, fmt.Errorf("read whether all is well: %w", err)
	}
	return out, nil
}

// maxAnswer bounds an answer of the API that a page is made of, in bytes.
const maxAnswer = 32 << 20

// RoundTrip implements http.RoundTripper.
func (w within) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, end := context.WithCancel(context.Background()) // that of the browser's request knows its connection, which takes bytes past w
	defer end()
	defer context.AfterFunc(r.Context(), end)()
	r = r.Clone(ctx)
	r.RequestURI = r.URL.RequestURI()
	r.RemoteAddr = w.browser.RemoteAddr
	r.Header["X-Forwarded-For"] = w.browser.Header["X-Forwarded-For"]
	if r.Body == nil {
		r.Body = http.NoBody
	}
	a := &answer{head: http.Header{}}
	w.api.ServeHTTP(a, r)
	if a.full {
		a = &answer{head: http.Header{}}
		problem.Write(a, problem.Of(schemas.Errorf(schemas.TooLarge, r.URL.Path, "there is more than one page can show"), w.log))
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.head, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()), Request: r,
	}, nil
}

// answer keeps what the API answers.
type answer struct {
	head   http.Header
	status int
	body   bytes.Buffer
	full   bool
}

func (a *answer) Header() http.Header { return a.head }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.body.Len()+len(b) > maxAnswer {
		a.full = true
		return 0, io.ErrShortWrite
	}
	return a.body.Write(b)
}

// Flush implements http.Flusher: all is kept at once.
func (a *answer) Flush() {}
