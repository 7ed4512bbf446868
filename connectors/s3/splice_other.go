//go:build !linux

package s3

import (
	"errors"
	"net"
)

// pipe moves nothing here: what passes is copied.
type pipe struct {
	unsupported bool
	held        int
}

func (p *pipe) fill(*net.TCPConn, int64) (int, error) {
	p.unsupported = true
	return 0, errors.ErrUnsupported
}

func (*pipe) empty(*net.TCPConn, func()) error { return nil }

func (*pipe) close() {}

func discard(*net.TCPConn, int64) (int, error) { return 0, errors.ErrUnsupported }

// quiet cannot be told here: a request over a connection that died is asked again.
func quiet(*net.TCPConn) bool { return true }
