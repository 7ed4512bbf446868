package s3

import (
	"errors"
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// pipe carries bytes from one socket to another inside the kernel [splice(2)]. Between two
// calls of fill it is empty, unless the other socket failed.
type pipe struct {
	read, write int
	open        bool
	unsupported bool // the kernel does not do it here
	held        int  // bytes that are in it
}

// pipeBytes is how much it is to hold; where the user has many pipes the kernel gives less.
const pipeBytes = 1 << 20

// fill takes at most so many bytes of a socket, and waits until there are some, at most
// until its read deadline. Errors: errors.ErrUnsupported, with nothing taken.
func (p *pipe) fill(from *net.TCPConn, most int64) (n int, err error) {
	if !p.open {
		var ends [2]int
		err = unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK)
		if err != nil {
			p.unsupported = true
			return 0, errors.ErrUnsupported
		}
		p.read, p.write, p.open = ends[0], ends[1], true
		_, _ = unix.FcntlInt(uintptr(p.write), unix.F_SETPIPE_SZ, pipeBytes) // it works with less
	}
	n, err = receive(from, func(fd int) (int, error) {
		k, err := unix.Splice(fd, nil, p.write, nil, int(min(most, pipeBytes)), unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
		return int(k), err
	})
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		p.unsupported = true
		return 0, errors.ErrUnsupported
	}
	p.held = n
	return n, err
}

// empty sends what the pipe holds to a socket; took is called whenever some has left.
// Errors: DestinationError.
func (p *pipe) empty(to *net.TCPConn, took func()) error {
	raw, err := to.SyscallConn()
	for err == nil && p.held > 0 {
		var k int64
		var failed error
		err = raw.Write(func(fd uintptr) bool {
			for {
				k, failed = unix.Splice(p.read, nil, int(fd), nil, p.held, unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
				if !errors.Is(failed, unix.EINTR) {
					return !errors.Is(failed, unix.EAGAIN)
				}
			}
		})
		if err == nil {
			err = failed
		}
		if k > 0 {
			p.held -= int(k)
			took()
		}
	}
	if err != nil {
		return &DestinationError{err}
	}
	return nil
}

func (p *pipe) close() {
	if p.open {
		_, _ = unix.Close(p.read), unix.Close(p.write)
		p.open = false
	}
}

// discard drops at most so many bytes of a socket without copying them [tcp(7)], and waits
// as fill does.
func discard(from *net.TCPConn, most int64) (int, error) {
	return receive(from, func(fd int) (int, error) {
		n, _, no := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), 0, uintptr(min(most, 1<<30)), unix.MSG_TRUNC|unix.MSG_DONTWAIT, 0, 0)
		if no != 0 {
			return 0, no
		}
		return int(n), nil
	})
}

// receive takes bytes of a socket by a system call that gives EAGAIN where there are none.
func receive(from *net.TCPConn, call func(fd int) (int, error)) (n int, err error) {
	raw, err := from.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		for {
			n, failed = call(int(fd))
			if !errors.Is(failed, unix.EINTR) {
				return !errors.Is(failed, unix.EAGAIN)
			}
		}
	})
	switch {
	case err != nil:
		return 0, err
	case failed != nil:
		return 0, failed
	case n == 0:
		return 0, io.ErrUnexpectedEOF
	}
	return n, nil
}

// quiet says that nothing came over a connection on which nothing was asked, not even its end.
func quiet(c *net.TCPConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		_, _, failed = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return true
	})
	return err == nil && errors.Is(failed, unix.EAGAIN)
}
