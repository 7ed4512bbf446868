package door

import (
	"math"
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
	if ok {
		setUnsent(t, maxUnsent) // without it more waits
	}
}

// freeUnsent takes the bound off a connection of HTTP/1.1, which a cut resets with all that
// waits in it: bodies that pass are sent in larger pieces, at a fifth less CPU.
func freeUnsent(t *net.TCPConn) { setUnsent(t, math.MaxInt32) }

func setUnsent(t *net.TCPConn, bytes int) {
	raw, err := t.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, bytes)
		})
	}
}
