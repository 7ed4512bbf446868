package fetch

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/temoto/robotstxt"

	"guichet/schemas"
)

// Of a robots.txt [RFC 9309 §2.4, §2.5].
const (
	robotsBytes = 500 << 10
	robotsAge   = 24 * time.Hour
	mostDelay   = time.Minute // of its Crawl-delay; more is taken for a slip
)

// permitted says whether a host's robots.txt lets an address be read. Errors: Denied; Unavailable
// where the host does not say, which forbids everything [RFC 9309 §2.3.1.4].
func (c *Client) permitted(ctx context.Context, h *host, at *url.URL) error {
	if h.robots == nil || time.Since(h.read) > robotsAge {
		err := c.readRobots(ctx, h, at)
		if err != nil {
			return err
		}
	}
	group := h.robots.FindGroup(c.Agent)
	h.gap = min(group.CrawlDelay, mostDelay)
	if !group.Test(at.RequestURI()) {
		return &schemas.Error{
			Kind:    schemas.Denied,
			Subject: at.String(),
			Message: "the host's robots.txt forbids that programs read this address",
			Remedy:  "ask the portal for a way that it permits, or to permit the agent " + c.Agent,
		}
	}
	return nil
}

func (c *Client) readRobots(ctx context.Context, h *host, of *url.URL) error {
	at := &url.URL{Scheme: of.Scheme, Host: of.Host, Path: "/robots.txt"}
	for range maxRedirects + 1 {
		resp, err := c.ask(ctx, at, Request{Accept: "text/plain"})
		if err != nil {
			return c.failed(at, err)
		}
		b, err := io.ReadAll(io.LimitReader(resp.Body, robotsBytes))
		resp.Body.Close()
		if err != nil {
			return c.failed(at, err)
		}
		to := resp.Header.Get("Location")
		if resp.StatusCode/100 != 3 || to == "" {
			return h.keep(at, resp, b)
		}
		at, err = at.Parse(to)
		if err == nil {
			at, err = parse(at.String())
		}
		if err != nil {
			return err
		}
	}
	h.robots, _ = robotstxt.FromString("") // as one that is not there [RFC 9309 §2.3.1.2]
	h.read = time.Now()
	return nil
}

// keep takes a robots.txt for the host's.
func (h *host) keep(at *url.URL, resp *http.Response, b []byte) error {
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500 {
		e := schemas.Errorf(schemas.Unavailable, at.String(),
			"the host does not say whether programs may read it: its robots.txt answers %.200s", schemas.Visible(resp.Status))
		if wait := asked(resp.Header, time.Now()); wait > 0 {
			h.next = later(h.next, time.Now().Add(wait))
			e.Kind, e.Err = schemas.Busy, &Later{h.next}
		}
		return e
	}
	if resp.StatusCode != http.StatusOK {
		b = nil // there is none: nothing is forbidden
	}
	robots, err := robotstxt.FromBytes(b)
	if err != nil { // what cannot be understood says nothing
		robots, err = robotstxt.FromString("")
	}
	h.robots, h.read = robots, time.Now()
	return err
}
