package door

import (
	"net"

	"golang.org/x/sys/unix"
)

// maxUnsent bounds the bytes of a connection that wait in the kernel to be sent: what a
// cut cannot take back over HTTP/2, where the connection goes on. What is on its way
// is not bounded by it, so long lines stay as fast.
const maxUnsent = 256 << 10

// limitUnsent sets the bound, where the connection is one of TCP.
func limitUnsent(c net.Conn) {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := t.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { // without it more waits
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
		})
	}
}
