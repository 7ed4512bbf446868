package fetch

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/temoto/robotstxt"

	"guichet/schemas"
)

// hosts keeps what is known of the hosts that were asked. Safe for concurrent use.
type hosts struct {
	mu    sync.Mutex
	known map[string]*host // scheme://host:port
}

// host is asked by whoever holds turn.
type host struct {
	turn   chan struct{}
	next   time.Time             // not before
	gap    time.Duration         // that its robots.txt asks for
	robots *robotstxt.RobotsData // nil: not read yet
	read   time.Time             // when it was
}

// maxHosts bounds what is kept: all are forgotten, and asked anew.
const maxHosts = 10_000

func (h *hosts) of(origin string) *host {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil || len(h.known) >= maxHosts {
		h.known = map[string]*host{}
	}
	one := h.known[origin]
	if one == nil {
		one = &host{turn: make(chan struct{}, 1)}
		h.known[origin] = one
	}
	return one
}

// take waits for the host's turn and its time. Errors: Busy, with Later, for a host that wants to
// be left alone for longer than ctx lasts.
func (h *host) take(ctx context.Context) error {
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	until, ends := ctx.Deadline()
	if ends && h.next.After(until) {
		e := &Later{h.next}
		<-h.turn
		return &schemas.Error{Kind: schemas.Busy, Message: "the host " + e.Error(), Remedy: "it is asked again later", Err: e}
	}
	wait := time.NewTimer(time.Until(h.next))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		<-h.turn
		return context.Cause(ctx)
	}
}

// leave gives the turn to the next, who waits for gap at least.
func (h *host) leave(gap time.Duration) {
	h.next = later(h.next, time.Now().Add(max(gap, h.gap)))
	<-h.turn
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// maxWait is the longest that a host may ask us to wait for.
const maxWait = 24 * time.Hour

// asked is how long an answer asks to wait [RFC 9110 §10.2.3]; 0: it does not say.
func asked(header http.Header, now time.Time) time.Duration {
	s := header.Get("Retry-After")
	seconds, err := strconv.ParseInt(s, 10, 32)
	if err == nil {
		return min(max(0, time.Duration(seconds)*time.Second), maxWait)
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(now)), maxWait)
}
