package doortest

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// Proxy passes TCP connections on until it is told not to.
type Proxy struct {
	to    string
	l     net.Listener
	mu    sync.Mutex
	gone  bool
	conns map[net.Conn]struct{}
	flows chan struct{} // closed while bytes pass
	wg    sync.WaitGroup
}

// NewProxy listens on loopback for connections to an address, a path for a unix
// socket; it ends with t.
func NewProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &Proxy{to: to, l: l, conns: map[net.Conn]struct{}{}, flows: make(chan struct{})}
	close(p.flows)
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.Thaw()
		p.Cut()
		p.wg.Wait()
	})
	return p
}

// Address is where it listens.
func (p *Proxy) Address() string { return p.l.Addr().String() }

// Connections counts those that are open to the far end.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns) / 2 // each has two ends
}

// Cut ends all connections and takes no more until Restore.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	for c := range p.conns {
		c.Close()
	}
}

// Restore takes connections again.
func (p *Proxy) Restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = false
}

// Freeze holds every byte back, as a far end does that hangs: connections stay and
// new ones are taken, and nothing is answered until Thaw.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flows = make(chan struct{})
}

// Thaw lets bytes pass again.
func (p *Proxy) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.flows:
	default:
		close(p.flows)
	}
}

// flow writes to a connection when bytes pass.
type flow struct {
	proxy *Proxy
	to    net.Conn
}

// Write waits until they do.
func (f flow) Write(b []byte) (int, error) {
	f.proxy.mu.Lock()
	flows := f.proxy.flows
	f.proxy.mu.Unlock()
	<-flows
	return f.to.Write(b)
}

// keep remembers a connection, unless there are to be none.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) drop(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (p *Proxy) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		if p.keep(c) {
			p.wg.Go(func() { p.pass(c) })
		}
	}
}

func (p *Proxy) pass(c net.Conn) {
	defer p.drop(c)
	network := "tcp"
	if strings.HasPrefix(p.to, "/") {
		network = "unix"
	}
	far, err := net.Dial(network, p.to)
	if err != nil || !p.keep(far) {
		return
	}
	defer p.drop(far)
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(flow{p, far}, c) // either end may go away
		far.Close()
		close(done)
	}()
	_, _ = io.Copy(flow{p, c}, far)
	c.Close()
	<-done
}
