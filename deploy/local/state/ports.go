package state

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
)

// Ports remembers the port of each listener by name: an issuer's URL is an
// identity and must outlive a restart. Not safe for concurrent use.
type Ports struct {
	path string
	kept map[string]int
}

// OpenPorts reads the file at path; a missing one is empty.
func OpenPorts(path string) (*Ports, error) {
	kept, err := Load[map[string]int](path)
	if err != nil {
		return nil, err
	}
	if kept == nil {
		kept = make(map[string]int)
	}
	return &Ports{path: path, kept: kept}, nil
}

// Listen opens the listener called name at addr, a loopback host and a port.
// Port 0 means: the port it had before where that is free, a new one
// otherwise. Only the first port is remembered, so that a port taken for a
// while is found again later.
func (p *Ports) Listen(name, addr string) (net.Listener, error) {
	host, port, err := loopback(addr)
	if err != nil {
		return nil, fmt.Errorf("listen address of %s: %w", name, err)
	}
	if port != 0 {
		return net.Listen("tcp", hostPort(host, port))
	}
	if old, ok := p.kept[name]; ok {
		if l, err := net.Listen("tcp", hostPort(host, old)); err == nil {
			return l, nil
		}
	}
	l, err := listenNew(host)
	if err != nil {
		return nil, err
	}
	if _, ok := p.kept[name]; ok {
		return l, nil
	}
	p.kept[name] = l.Addr().(*net.TCPAddr).Port
	if err := Save(p.path, p.kept); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// listenNew prefers ports below the range from which Linux takes the ports of
// outgoing connections (32768 up), lest one of those sits on ours at restart.
func listenNew(host string) (net.Listener, error) {
	for range 50 {
		if l, err := net.Listen("tcp", hostPort(host, 20000+rand.IntN(12000))); err == nil {
			return l, nil
		}
	}
	return net.Listen("tcp", hostPort(host, 0))
}

// loopback splits addr and refuses whatever is not this machine alone.
func loopback(addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	if host == "" || host == "localhost" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return "", 0, fmt.Errorf("%s is not a loopback address", host)
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%q is not a port", text)
	}
	return host, port, nil
}

func hostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
