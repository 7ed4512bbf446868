package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"guichet/connectors/trust"
	"guichet/schemas"
)

// Config is what a Client is made of; zero values are the defaults.
type Config struct {
	Networks []netip.Prefix // that are reached although they are not public
	Roots    *x509.CertPool // nil: the system's
	Agent    string         // who asks, as servers log it and robots.txt names it; "guichet" when left out
	Gap      time.Duration  // between two requests to one host; a second when left out, none when negative
	Within   time.Duration  // that one address may take, redirects included; five minutes when left out

	Credentials []Credential // that hosts want; others see none of them
}

// Bounds of an answer.
const (
	DefaultBytes = 64 << 20
	maxRedirects = 5
	headerBytes  = 64 << 10
)

// Client reads addresses. Safe for concurrent use.
type Client struct {
	Config
	http  *http.Client
	hosts hosts
}

// New makes a client.
func New(c Config) *Client {
	if c.Agent == "" {
		c.Agent = "guichet"
	}
	if c.Gap == 0 {
		c.Gap = time.Second
	}
	if c.Within == 0 {
		c.Within = 5 * time.Minute
	}
	dial := &net.Dialer{Timeout: 10 * time.Second, Control: newGuard(c.Networks).control}
	t := &http.Transport{
		DialContext: dial.DialContext, TLSClientConfig: &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: time.Minute, MaxResponseHeaderBytes: headerBytes,
		MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second,
	}
	asIs := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{Config: c, http: &http.Client{Transport: t, CheckRedirect: asIs}}
}

// Request says what is wanted of an address, and what is known of it.
type Request struct {
	URL      string
	Accept   string // media types, as in HTTP
	ETag     string // of the last answer, as it stood there
	Modified string // its Last-Modified
	Bytes    int64  // the most that it may have; DefaultBytes when left out
	Post     []byte // JSON that is posted; nil for a plain GET. Who answers that with a redirect is not followed
}

// Answer is what came of an address.
type Answer struct {
	URL       string // where it came from, after redirects
	Unchanged bool   // since the last time: nothing else is said but the links
	Type      string // media type, with its parameters
	Body      []byte
	ETag      string
	Modified  string
	Links     []string // Link lines, as they stand [RFC 8288]
}

// Later says when a host that is busy wants to be asked again.
type Later struct{ Until time.Time }

func (l *Later) Error() string { return "asked to come back at " + l.Until.UTC().Format(time.RFC3339) }

// Get reads an address. Errors: Invalid for one that is none; Denied for one that leads inside,
// that robots.txt forbids, or that wants a sign-in; NotFound, Gone; TooLarge; Busy, with Later
// where the host said when; Unavailable.
func (c *Client) Get(ctx context.Context, want Request) (*Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Within, fmt.Errorf("it took longer than %s", c.Within))
	defer cancel()
	at, err := parse(want.URL)
	for hop := 0; err == nil; hop++ {
		var a *Answer
		var to *url.URL
		a, to, err = c.step(ctx, at, want)
		if err != nil || to == nil {
			return a, err
		}
		if want.Post != nil {
			return nil, schemas.Errorf(schemas.Unavailable, want.URL,
				"the address redirects what is posted to it: give the one that it leads to (%.200s)", schemas.Visible(to.String()))
		}
		if hop == maxRedirects {
			return nil, schemas.Errorf(schemas.Unavailable, want.URL, "the address redirects more than %d times", maxRedirects)
		}
		if at.Scheme == "https" && to.Scheme == "http" {
			return nil, schemas.Errorf(schemas.Denied, want.URL,
				"the address redirects from https to http (%.200s), where anybody on the way could change it", schemas.Visible(to.String()))
		}
		at = to
	}
	return nil, err
}

// step asks one host once; to is where it redirects.
func (c *Client) step(ctx context.Context, at *url.URL, want Request) (a *Answer, to *url.URL, err error) {
	h := c.hosts.of(origin(at))
	err = h.take(ctx)
	if err != nil {
		return nil, nil, c.failed(at, err)
	}
	defer h.leave(c.Gap)
	err = c.permitted(ctx, h, at)
	if err != nil {
		return nil, nil, err
	}
	resp, err := c.ask(ctx, at, want)
	if err != nil {
		return nil, nil, c.failed(at, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && want.ETag+want.Modified != "":
		return &Answer{URL: at.String(), Unchanged: true, ETag: want.ETag, Modified: want.Modified, Links: resp.Header.Values("Link")}, nil, nil
	case resp.StatusCode == http.StatusOK:
		a, err = c.answer(at, resp, want)
		return a, nil, err
	case resp.StatusCode/100 == 3 && resp.Header.Get("Location") != "":
		to, err = at.Parse(resp.Header.Get("Location"))
		if err == nil {
			to, err = parse(to.String())
		}
		if err != nil {
			return nil, nil, schemas.Errorf(schemas.Unavailable, at.String(), "the address redirects to what is no web address: %.200s",
				schemas.Visible(resp.Header.Get("Location")))
		}
		return nil, to, nil
	}
	return nil, nil, c.refused(h, at, resp)
}

// ask sends one request.
func (c *Client) ask(ctx context.Context, at *url.URL, want Request) (*http.Response, error) {
	method, body, kind := http.MethodGet, io.Reader(nil), ""
	if want.Post != nil {
		method, body, kind = http.MethodPost, bytes.NewReader(want.Post), "application/json"
	}
	r, err := http.NewRequestWithContext(ctx, method, at.String(), body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", c.Agent)
	for name, value := range map[string]string{"Accept": want.Accept, "If-None-Match": want.ETag, "If-Modified-Since": want.Modified,
		"Content-Type": kind, "Authorization": c.credential(at)} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	return c.http.Do(r)
}

// answer reads a body within its bounds, whole or not at all.
func (c *Client) answer(at *url.URL, resp *http.Response, want Request) (*Answer, error) {
	most := want.Bytes
	if most == 0 {
		most = DefaultBytes
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return nil, c.failed(at, err)
	}
	if int64(len(b)) > most {
		return nil, schemas.Errorf(schemas.TooLarge, at.String(), "the answer has more than %d bytes", most)
	}
	return &Answer{URL: at.String(), Type: resp.Header.Get("Content-Type"), Body: b, ETag: resp.Header.Get("ETag"),
		Modified: resp.Header.Get("Last-Modified"), Links: resp.Header.Values("Link")}, nil
}

// refused puts a status into words.
func (c *Client) refused(h *host, at *url.URL, resp *http.Response) error {
	status := fmt.Sprintf("%.200s", schemas.Visible(resp.Status)) // its words are the host's
	e := &schemas.Error{Subject: at.String(), Message: "the host answered " + status}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		e.Kind, e.Message, e.Remedy = schemas.Busy, "the host is busy: "+status, "it is asked again later"
		if wait := asked(resp.Header, time.Now()); wait > 0 {
			until := time.Now().Add(wait)
			h.next = later(h.next, until)
			e.Err = &Later{until}
		}
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Kind, e.Message = schemas.Denied, "the host wants a sign-in: "+status
	case http.StatusNotFound:
		e.Kind, e.Message = schemas.NotFound, "there is nothing at the address: "+status
	case http.StatusGone:
		e.Kind, e.Message = schemas.Gone, "there is nothing at the address any more: "+status
	default:
		e.Kind = schemas.Unavailable
	}
	return e
}

// failed puts why nothing came into words.
func (c *Client) failed(at *url.URL, err error) error {
	known, ok := errors.AsType[*schemas.Error](err)
	if ok {
		return &schemas.Error{Kind: known.Kind, Subject: at.String(), Message: known.Message, Remedy: known.Remedy, Err: err}
	}
	return trust.Fault("the host", at.String(), "look whether the address is right and its host is up", err)
}
