// Package pagetest shows pages over an API of fixed answers, for tests.
//
// In: who visits, the API's answers by method and path, the parts to show. Out: what a browser gets, and what the API
// was sent. It must not be used outside tests.
package pagetest

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"guichet/gateway/problem"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// Site is pages over an API of fixed answers.
type Site struct {
	Answers map[string]any    // by method and path, as "GET /me": a value or an error
	Sent    map[string]string // bodies, by call
	Match   map[string]string // If-Match, by call
	Query   map[string]string // queries, by call
	Keys    map[string]string // Idempotency-Key, by call
	Asked   []string          // all calls with their queries, in order

	t testing.TB
	h http.Handler
}

// New is a site of some parts, as somebody sees it: nobody where the identity has no subject.
func New(t testing.TB, me schemas.Identity, answers map[string]any, parts ...page.Part) *Site {
	t.Helper()
	gin.SetMode(gin.TestMode)
	s := &Site{Answers: answers, Sent: map[string]string{}, Match: map[string]string{}, Query: map[string]string{}, Keys: map[string]string{},
		t: t}
	answers["GET /me"] = me
	p, err := page.New(page.Config{API: s, Public: "https://guichet.example", Log: slog.New(slog.DiscardHandler),
		Token: func(http.ResponseWriter, *http.Request) (string, bool, error) { return "token", me.Subject != "", nil }}, parts...)
	if err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	r.UseRawPath = true
	p.Mount(r)
	s.h = r
	return s
}

// ServeHTTP is the API.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := r.Method + " " + strings.TrimPrefix(r.URL.EscapedPath(), "/api/v1")
	b, _ := io.ReadAll(r.Body)
	s.Sent[call], s.Match[call], s.Query[call] = string(b), r.Header.Get("If-Match"), r.URL.RawQuery
	s.Keys[call] = r.Header.Get("Idempotency-Key")
	s.Asked = append(s.Asked, strings.TrimSuffix(call+"?"+r.URL.RawQuery, "?"))
	v, is := s.Answers[call]
	if !is {
		v = schemas.Errorf(schemas.NotFound, call, "there is nothing at %s", call)
	}
	if err, is := v.(error); is {
		problem.Write(w, problem.Of(err, slog.New(slog.DiscardHandler)))
		return
	}
	_ = json.NewEncoder(w).Encode(v) // the reader is in this process
}

// Shows asks for a page or sends a form, as "GET /help" says, and wants a status and words in the page or in the
// address that it sends the browser to.
func (s *Site) Shows(status int, call string, form url.Values, words ...string) string {
	s.t.Helper()
	return s.ShowsTo(nil, status, call, form, words...)
}

// ShowsTo is Shows for a request with a head of its own, such as another language.
func (s *Site) ShowsTo(head http.Header, status int, call string, form url.Values, words ...string) string {
	s.t.Helper()
	method, path, _ := strings.Cut(call, " ")
	r := httptest.NewRequest(method, "https://guichet.example"+path, strings.NewReader(form.Encode()))
	for name := range head {
		r.Header.Set(name, head.Get(name))
	}
	r.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return s.answers(r, status, words)
}

// answers has the pages answer, and wants a status and words.
func (s *Site) answers(r *http.Request, status int, words []string) string {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	body, call := w.Body.String()+w.Header().Get("Location"), r.Method+" "+r.URL.Path
	if w.Code != status {
		s.t.Errorf("%s: %d, want %d\n%s", call, w.Code, status, body)
	}
	for _, want := range words {
		if !strings.Contains(body, want) {
			s.t.Errorf("%s lacks %q: %s", call, want, body)
		}
	}
	return body
}

// Sends sends a form as it is, of a media type, and wants a status and words as Shows does.
func (s *Site) Sends(status int, path, kind string, body io.Reader, words ...string) string {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "https://guichet.example"+path, body)
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return s.answers(r, status, words)
}

// Hides wants none of these words in what was shown.
func (s *Site) Hides(body string, words ...string) {
	s.t.Helper()
	for _, w := range words {
		if strings.Contains(body, w) {
			s.t.Errorf("%q stands in %s", w, body)
		}
	}
}
