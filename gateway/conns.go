package gateway

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Crowd counts the connections of all listeners that it is given. Safe for concurrent
// use.
type Crowd struct {
	limits Limits
	behind []netip.Prefix
	log    *slog.Logger
	mu     sync.Mutex
	all    int
	from   map[netip.Addr]int
	told   time.Time
	turned int // away since told
}

// NewCrowd makes one; behind are proxies, whose connections are many people's.
func NewCrowd(l Limits, behind []netip.Prefix, log *slog.Logger) *Crowd {
	return &Crowd{limits: l.Filled(), behind: behind, log: log, from: map[netip.Addr]int{}}
}

// Bound makes a listener that turns connections away beyond the limits. It must stand
// under TLS. clear says that HTTP is spoken on it without TLS, so that a connection is
// told why.
func (c *Crowd) Bound(l net.Listener, clear bool) net.Listener {
	return &bounded{l, c, clear}
}

// bounded is a listener that takes no more connections than there is room for, in all and
// from one address.
type bounded struct {
	net.Listener
	crowd *Crowd
	clear bool
}

// Accept gives the next connection that there is room for.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		at := remote(conn)
		why := b.crowd.enter(at)
		if why == "" {
			c := &counted{Conn: conn, leave: sync.OnceFunc(func() { b.crowd.leave(at) })}
			c.heads.off = !b.clear
			return c, nil
		}
		if b.clear {
			_ = conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)) // a hint, in the connection's own buffer
			body := fmt.Sprintf(`{"type":"urn:guichet:problem:busy","title":"Not ready yet","status":503,"detail":%q}`, why)
			_, _ = fmt.Fprintf(
				conn,
				"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 5\r\nConnection: "+
					"close\r\nContent-Length: %d\r\n\r\n%s",
				len(body),
				body,
			)
		}
		_ = conn.Close() // it goes anyway
	}
}

func remote(c net.Conn) netip.Addr {
	at, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

// enter counts a connection, or says why there is no room for it.
func (c *Crowd) enter(at netip.Addr) (why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	proxy := false
	for _, p := range c.behind {
		proxy = proxy || p.Contains(at)
	}
	switch {
	case c.all >= c.limits.Connections:
		why = fmt.Sprintf("the gateway has %d connections, which is all that it takes", c.all)
	case !proxy && c.from[at] >= c.limits.PerAddress:
		why = fmt.Sprintf("there are %d connections from your address already; use them again, or close some", c.from[at])
	default:
		c.all++
		c.from[at]++
		return ""
	}
	c.turned++
	if time.Since(c.told) > time.Minute { // strangers do not write the log
		c.log.Warn("connections are turned away", "connections", c.turned, "latest", strings.TrimSpace(why))
		c.told, c.turned = time.Now(), 0
	}
	return why
}

// leave takes a connection out of the count of its address.
func (c *Crowd) leave(at netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	c.from[at]--
	if c.from[at] <= 0 {
		delete(c.from, at)
	}
}

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	leave func()
	heads heads
}

// Read reads, and ends the connection at a request of two lengths.
func (c *counted) Read(p []byte) (int, error) {
	if c.heads.refused() {
		return 0, errTwice
	}
	n, err := c.Conn.Read(p)
	if n > 0 {
		if c.heads.see(p[:n]) {
			if c.heads.later() { // net/http closes without a word where it waits for another request
				_ = c.SetWriteDeadline(time.Now().Add(time.Second))
				_, _ = fmt.Fprint(c.Conn,
					"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request")
			}
			return 0, errTwice
		}
	}
	return n, err
}

// ReadFrom writes what src gives. What can move itself into a socket does: else each of its
// bytes would be copied twice.
func (c *counted) ReadFrom(src io.Reader) (int64, error) {
	moves, ok := src.(interface {
		PassTo(to *net.TCPConn) (int64, error)
	})
	to, plain := c.Conn.(*net.TCPConn)
	if ok && plain {
		return moves.PassTo(to)
	}
	return io.Copy(c.Conn, src)
}

// Close closes it.
func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}

// NetConn is the connection below, for those who must reset it.
func (c *counted) NetConn() net.Conn { return c.Conn }
