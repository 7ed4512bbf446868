//go:build !linux

package door

import "net"

// limitUnsent needs Linux.
func limitUnsent(net.Conn) {}

// freeUnsent has nothing to take off.
func freeUnsent(*net.TCPConn) {}
