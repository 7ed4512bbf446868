// Package client is the Go client of our own API: the command line, peer nodes and
// tests use it, so that it is never a second truth.
//
// In: an address and where tokens come from. Out: schemas nouns, streams that were
// checked to be whole, and errors that are the server's problems as schemas.Error.
// It must not know the server's packages beyond schemas and the wire.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"guichet/connectors/trust"
	"guichet/schemas"
)

// TokenSource gives a bearer token that is valid now.
type TokenSource func(ctx context.Context) (string, error)

// Static is a token that does not change.
func Static(token string) TokenSource {
	return func(context.Context) (string, error) { return token, nil }
}

// Client talks to one gateway. Safe for concurrent use.
type Client struct {
	base  string
	token TokenSource
	http  *http.Client
	shown bool                                  // words of others are for a terminal
	sign  func(path string, body []byte) string // of a job: what stands for its token in a request with this body; nil for a person
}

// Address is where the gateway is.
func (c *Client) Address() string { return c.base }

// Shown gives the same client for answers that are shown on a terminal: in every word of
// them, and of refusals, what shows nothing or moves others is written by its code
// (schemas.Visible).
func (c *Client) Shown() *Client {
	same := *c
	same.shown = true
	return &same
}

// Setting changes how a client or a source of tokens connects.
type Setting func(s *settings)

// settings are what a Setting changes.
type settings struct{ roots *x509.CertPool }

// Believe names the certificate authorities that are believed (trust.Roots).
func Believe(roots *x509.CertPool) Setting { return func(s *settings) { s.roots = roots } }

func settled(list []Setting) (s settings) {
	for _, set := range list {
		set(&s)
	}
	return s
}

// New makes a client; token may be nil for a stranger.
func New(base string, token TokenSource, list ...Setting) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, schemas.BadField("client", "server", "%q is not an address; write it like https://guichet.example", base)
	}
	h := &http.Client{ // of HTTP/1.1: under HTTP/2 bulk costs both sides half as much again
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			MaxIdleConnsPerHost: 64,
			ReadBufferSize:      256 << 10,
			DisableCompression:  true,
			TLSClientConfig:     &tls.Config{RootCAs: settled(list).roots, MinVersion: tls.VersionTLS12},
		},
	}
	// A redirect elsewhere must not carry our token [decisions.md 19].
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{base: strings.TrimSuffix(base, "/"), token: token, http: h}, nil
}

// Through gives the same client over another transport: a job's network.
func (c *Client) Through(rt http.RoundTripper) *Client {
	h := *c.http
	h.Transport = rt
	same := *c
	same.http = &h
	return &same
}

// As gives the same client with other tokens.
func (c *Client) As(token TokenSource) *Client {
	same := *c
	same.token, same.sign = token, nil
	return &same
}

// Token is what the client would send now.
func (c *Client) Token(ctx context.Context) (string, error) {
	if c.token == nil {
		return "", nil
	}
	return c.token(ctx)
}

// Plain is the client's HTTP without its token, for other hosts: no redirect is followed.
func (c *Client) Plain() *http.Client { return c.http }

// Option changes one request.
type Option func(r *http.Request)

// IfMatch makes a write conditional on a revision.
func IfMatch(revision int64) Option {
	return func(r *http.Request) { r.Header.Set("If-Match", `"`+strconv.FormatInt(revision, 10)+`"`) }
}

// Accept asks for an answer in a media type; it is read into a *[]byte.
func Accept(mediaType string) Option {
	return func(r *http.Request) { r.Header.Set("Accept", mediaType) }
}

// Idempotent makes a write safe to repeat: it is done once. Repetitions get the first
// answer, or Conflict where that was longer than 16 KiB, which are not kept.
func Idempotent(key string) Option {
	return func(r *http.Request) { r.Header.Set("Idempotency-Key", key) }
}

// Document is a body as it lies in a file: the gateway reads it, and names lines.
type Document struct {
	Type string // media type
	Text []byte
}

// Do sends in (nil: nothing; a Document: as it is) and reads the answer into out (nil: dropped). path
// begins with / below /api/v1.
func (c *Client) Do(ctx context.Context, method, path string, in, out any, options ...Option) error {
	var body io.Reader
	if d, is := in.(Document); is {
		body = bytes.NewReader(d.Text)
		options = append([]Option{func(r *http.Request) { r.Header.Set("Content-Type", d.Type) }}, options...)
	} else if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
		body = bytes.NewReader(b)
		if c.sign != nil {
			options = append(options, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+c.sign(path, b)) })
		}
	}
	resp, err := c.send(ctx, method, path, body, options...)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	if raw, ok := out.(*[]byte); ok {
		*raw, err = io.ReadAll(resp.Body)
		return err
	}
	err = c.decode(resp.Body, out)
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", path, err)
	}
	return nil
}

// decode reads an answer.
func (c *Client) decode(r io.Reader, out any) error {
	d := json.NewDecoder(r)
	if !c.shown {
		return d.Decode(out)
	}
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	if err != nil {
		return err
	}
	b, err := json.Marshal(schemas.VisibleIn(v))
	if err != nil {
		return err
	}
	return json.Unmarshal(b, out)
}

// Get reads path into out.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.Do(ctx, http.MethodGet, path, nil, out)
}

// Post sends in to path and reads the answer into out.
func (c *Client) Post(ctx context.Context, path string, in, out any, options ...Option) error {
	return c.Do(ctx, http.MethodPost, path, in, out, options...)
}

// All walks a list to its end.
func All[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	var out []T
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	for next := ""; ; {
		p := path
		if next != "" {
			p += sep + "cursor=" + url.QueryEscape(next)
		}
		var page schemas.Page[T]
		err := c.Get(ctx, p, &page)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Items...)
		switch page.Next {
		case "":
			return out, nil
		case next: // a list without end would fill the memory
			return nil, schemas.Errorf(schemas.Internal, path, "the server gives the same page of %s again and again", path)
		}
		next = page.Next
	}
}

// send gives an answer with a good status; its body is the caller's to close.
func (c *Client) send(ctx context.Context, method, path string, body io.Reader, options ...Option) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+"/api/v1"+path, body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, o := range options {
		o(r)
	}
	if c.token != nil && r.Header.Get("Authorization") == "" {
		t, err := c.token(ctx)
		if err != nil {
			return nil, err
		}
		if t != "" {
			r.Header.Set("Authorization", "Bearer "+t)
		}
	}
	resp, err := c.http.Do(r)
	if err != nil {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return nil, err
		}
		return nil, trust.Fault("the gateway", c.base,
			"check the address (--server URL; guichet login --server URL keeps it) and that guichet serve runs there", err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, c.problemOf(resp)
}

func (c *Client) problemOf(resp *http.Response) error {
	var p schemas.Problem
	err := c.decode(io.LimitReader(resp.Body, 1<<20), &p)
	if err != nil || p.Type == "" {
		e := &schemas.Error{
			Kind:    schemas.Unavailable,
			Subject: resp.Request.URL.Path,
			Message: "the server answered " + resp.Status,
			Remedy:  "check that this is a Guichet gateway",
		}
		if resp.StatusCode == http.StatusBadRequest && resp.Request.URL.Scheme == "http" {
			e.Remedy = "it may speak TLS alone: write https:// in the address (--server)"
		}
		return e
	}
	e := &schemas.Error{Kind: kindOf(p.Type), Subject: p.Subject, Message: p.Detail, Fields: p.Errors, Reasons: p.Reasons, Remedy: p.Remedy}
	if p.Instance != "" {
		e.Message += " (" + p.Instance + ")"
	}
	return e
}

func kindOf(typ string) schemas.Kind {
	name := strings.TrimPrefix(typ, "urn:guichet:problem:")
	for _, k := range schemas.Kinds() {
		if k.String() == name {
			return k
		}
	}
	return schemas.Internal
}

// WaitPublished asks for a version until it is published or failed. told is called
// with each state seen.
func (c *Client) WaitPublished(
	ctx context.Context, id schemas.DatasetID, v schemas.VersionID, told func(schemas.VersionSummary),
) (schemas.VersionSummary, error) {
	wait := 20 * time.Millisecond
	for {
		var s schemas.VersionSummary
		err := c.Get(ctx, "/datasets/"+string(id)+"/versions/"+string(v), &s)
		if err != nil {
			return s, err
		}
		if told != nil {
			told(s)
		}
		switch s.State {
		case schemas.VersionPublished, schemas.VersionTried:
			return s, nil
		case schemas.VersionWithdrawn:
			return s, schemas.Errorf(schemas.Gone, string(v), "version %s was withdrawn", v)
		case schemas.VersionFailed:
			return s, &schemas.Error{
				Kind:    schemas.Invalid,
				Subject: string(v),
				Message: "the version was not published",
				Fields:  s.Failures,
				Remedy:  "see to what is named, and publish again",
			}
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return s, ctx.Err()
		case <-t.C:
		}
		wait = min(2*wait, time.Second)
	}
}

// Upload sends a file as PUT to path.
func (c *Client) Upload(ctx context.Context, path string, body io.Reader, size int64) error {
	resp, err := c.send(ctx, http.MethodPut, path, body, func(r *http.Request) {
		r.ContentLength = size
		r.Header.Set("Content-Type", "application/octet-stream")
	})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Download writes the body of path to w and gives its bytes. A body that breaks off
// is an error.
func (c *Client) Download(ctx context.Context, path string, w io.Writer) (int64, error) {
	resp, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n, err := io.Copy(w, resp.Body)
	if err != nil {
		return n, schemas.Errorf(schemas.Unavailable, path, "the answer broke off after %d bytes: %w", n, err)
	}
	return n, nil
}
