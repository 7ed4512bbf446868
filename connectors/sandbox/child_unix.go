//go:build unix

package sandbox

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// child is a process that reads one object after another. Jobs and answers pass through
// a socket: four bytes of length, then JSON; the open files of a job come with its length.
type child struct {
	r      *Runner
	cmd    *exec.Cmd
	conn   *net.UnixConn
	stderr *capped
	ended  chan struct{}
	err    error // how it ended, once ended is closed
	dying  sync.Once
}

// start starts a child that waits for its first job.
func (r *Runner) start() (*child, error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("start the reading process: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "jobs"), os.NewFile(uintptr(fds[1]), "jobs")
	defer ours.Close()
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, fmt.Errorf("start the reading process: %w", err)
	}
	c := &child{r: r, conn: conn.(*net.UnixConn), stderr: &capped{left: 64 << 10}, ended: make(chan struct{})}
	c.cmd = exec.Command(r.executable, verb)
	c.cmd.Stderr = c.stderr
	c.cmd.ExtraFiles = []*os.File{theirs}
	c.cmd.Env = []string{"GOMEMLIMIT=off", "GOTRACEBACK=single"}
	c.cmd.WaitDelay = time.Second
	isolate(c.cmd, r.namespaces)
	err = c.cmd.Start()
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("start the reading process: %w", err)
	}
	r.started.Add(1)
	go func() {
		c.err = c.cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

// do runs one job. Errors: errDied, with how in c.err; ctx's; Invalid when its time is over.
func (c *child) do(ctx context.Context, j job, in, out *os.File) (answer, error) {
	wall, stop := context.WithTimeout(ctx, c.r.limits.Wall)
	defer stop()
	defer context.AfterFunc(wall, func() { _ = c.cmd.Process.Kill() })() // it may be gone
	a, err := c.ask(j, in, out)
	if err == nil && (a.Report == nil) == (a.Error == nil) {
		err = errors.New("not a valid answer")
	}
	if err == nil {
		return a, nil
	}
	_ = c.cmd.Process.Kill() // it may be gone
	<-c.ended
	switch {
	case ctx.Err() != nil:
		return a, ctx.Err()
	case wall.Err() != nil:
		return a, c.r.slow(j.Spec.Name)
	}
	return a, errDied
}

func (c *child) ask(j job, in, out *os.File) (answer, error) {
	var a answer
	body, err := json.Marshal(j)
	if err != nil {
		return a, err
	}
	_, _, err = c.conn.WriteMsgUnix(binary.BigEndian.AppendUint32(nil, uint32(len(body))), syscall.UnixRights(int(in.Fd()),
		int(out.Fd())), nil)
	if err == nil {
		_, err = c.conn.Write(body)
	}
	var size [4]byte
	if err == nil {
		_, err = io.ReadFull(c.conn, size[:])
	}
	if err != nil {
		return a, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxAnswer {
		return a, fmt.Errorf("an answer of %d bytes", n)
	}
	err = json.NewDecoder(io.LimitReader(c.conn, int64(n))).Decode(&a)
	return a, err
}

// kill ends the child and waits until it is gone.
func (c *child) kill() {
	c.dying.Do(func() {
		_ = c.cmd.Process.Kill() // it may be gone
		c.conn.Close()
	})
	<-c.ended
}

// jobs serves the socket that a child was started with, until it ends.
func jobs(serve func(j job, in, out *os.File) answer) error {
	const socket = 3
	jobs := os.NewFile(socket, "jobs")
	for {
		var size [4]byte
		rights := make([]byte, syscall.CmsgSpace(2*4))
		n, k, _, _, err := syscall.Recvmsg(socket, size[:], rights, 0)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return err
		}
		in, out, err := files(rights[:k])
		if err == nil && n < len(size) {
			err = fmt.Errorf("a length of %d bytes", n)
		}
		if err != nil {
			return err
		}
		body := make([]byte, binary.BigEndian.Uint32(size[:]))
		_, err = io.ReadFull(jobs, body)
		var j job
		if err == nil {
			err = json.Unmarshal(body, &j)
		}
		if err != nil {
			return err
		}
		answer, err := json.Marshal(serve(j, in, out))
		in.Close()
		out.Close()
		if err == nil {
			_, err = jobs.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...))
		}
		if err != nil {
			return err
		}
	}
}

// files are the two open files that came with a job.
func files(rights []byte) (in, out *os.File, err error) {
	messages, err := syscall.ParseSocketControlMessage(rights)
	var fds []int
	if err == nil && len(messages) == 1 {
		fds, err = syscall.ParseUnixRights(&messages[0])
	}
	if err == nil && len(fds) != 2 {
		err = fmt.Errorf("a job with %d files", len(fds))
	}
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "input"), os.NewFile(uintptr(fds[1]), "output"), nil
}
