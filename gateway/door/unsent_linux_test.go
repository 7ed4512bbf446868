package door

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// TestUnsentIsBounded: a connection that the doors answer on keeps little unsent.
func TestUnsentIsBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ConnContext(t.Context(), c)
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var got int
	var failed error
	err = raw.Control(func(fd uintptr) { got, failed = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT) })
	if err != nil || failed != nil || got != maxUnsent {
		t.Errorf("%d bytes may wait: %v %v", got, err, failed)
	}
}
