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
