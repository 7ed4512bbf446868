package staged

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"guichet/connectors/client"
	"guichet/schemas"
)

// log is what one process reads of a copy, a line for each record batch, written before its bytes
// are given. Lines end where the process is killed, and no earlier.
type log struct {
	mu   sync.Mutex
	file *os.File
	torn int64 // bytes of a line at its end that the disk took only a part of
	seen map[batch]bool
	c    *Copy
}

// batch is a record batch of a file, by where it begins.
type batch struct {
	file   string
	offset int64
}

// line is one of a log.
type line struct {
	File  string `json:"file"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
}

// newLog begins the log of this process.
func (c *Copy) newLog() (*log, error) {
	err := c.root.MkdirAll(logsName, 0o700)
	if err != nil {
		return nil, c.fault(logsName, err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	host, _, _ = strings.Cut(host, ".")
	name := path.Join(logsName, fmt.Sprintf("%s-%d-%s.log", host, os.Getpid(), rand.Text()[:8]))
	f, err := c.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, c.fault(name, err)
	}
	return &log{file: f, c: c, seen: map[batch]bool{}}, nil
}

// touched notes a record batch of which bytes are about to be given: whenever it begins among them,
// and otherwise where it was not noted yet, so that nobody reads all but the beginning for nothing.
func (l *log) touched(name string, b schemas.Block, begins bool) error {
	is := batch{name, b.Offset}
	l.mu.Lock()
	seen := l.seen[is]
	l.mu.Unlock()
	if seen && !begins {
		return nil
	}
	err := l.note(name, b.Rows, int64(b.Meta)+b.Body)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[is] = true
	return nil
}

// note writes a line. Errors: the disk takes it not, and then nothing is read.
func (l *log) note(name string, rows, n int64) error {
	b, err := json.Marshal(line{name, rows, n})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	err = l.mend()
	if err != nil {
		return l.c.fault(logsName, err)
	}
	wrote, err := l.file.Write(append(b, '\n'))
	if err != nil {
		l.torn = int64(wrote)
		return l.c.fault(logsName, err)
	}
	return nil
}

// mend takes away what a full disk left of a line: the next one would make it one that nobody can read.
func (l *log) mend() error {
	if l.torn == 0 {
		return nil
	}
	st, err := l.file.Stat()
	if err != nil {
		return err
	}
	err = l.file.Truncate(st.Size() - l.torn)
	if err == nil {
		l.torn = 0
	}
	return err
}

// Close ends the log.
func (l *log) Close() error { return l.file.Close() }

// handed is what reads.json says: the chain as far as it was handed back, what comes next, and how
// much of each log is in either.
type handed struct {
	After   schemas.ReadsOfCopy  `json:"after"`
	Pending []schemas.ReadOfCopy `json:"pending,omitempty"`
	Logs    map[string]int64     `json:"logs,omitempty"` // bytes
}

// HandBack hands back what was read since it was called last. Errors: as Renew.
func (c *Copy) HandBack(ctx context.Context, to *client.Client) (schemas.ReadsOfCopy, error) {
	over, err := c.alone()
	if err != nil {
		return schemas.ReadsOfCopy{}, err
	}
	defer over()
	return c.handBack(ctx, to)
}

// handBack is HandBack of who is alone. It keeps what it is about to hand back
// before it does, so that nothing is lost or said in two ways where the answer does not come.
// Errors: of the gateway; Unavailable of the disk.
func (c *Copy) handBack(ctx context.Context, to *client.Client) (schemas.ReadsOfCopy, error) {
	var h handed
	err := c.read(readsName, &h)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return h.After, schemas.Errorf(schemas.Invalid, c.dir, "%s cannot be read: %w", readsName, err)
	}
	before := len(h.Pending)
	err = c.gather(&h)
	if err == nil && len(h.Pending) > before {
		err = c.write(readsName, h)
	}
	for err == nil && len(h.Pending) > 0 {
		some := h.Pending[:min(len(h.Pending), schemas.MaxReads)]
		err = to.Post(ctx, "/copies/"+string(c.ID())+"/reads", schemas.ReadsAsk{After: h.After, Reads: some}, nil)
		if err != nil {
			break
		}
		for _, r := range some {
			h.After = h.After.Then(r)
		}
		h.Pending = slices.Clone(h.Pending[len(some):])
		err = c.write(readsName, h)
	}
	return h.After, err
}

// gather takes what logs have beyond what was taken of them before, a read for each file of each.
func (c *Copy) gather(h *handed) error {
	dir, err := c.root.Open(logsName)
	if errors.Is(err, fs.ErrNotExist) { // nobody has read yet
		return nil
	}
	if err != nil {
		return c.fault(logsName, err)
	}
	names, err := dir.Readdirnames(-1)
	_ = dir.Close()
	if err != nil {
		return c.fault(logsName, err)
	}
	slices.Sort(names)
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		reads, n, err := c.readLog(name, h.Logs[name])
		if err != nil {
			return err
		}
		if n > 0 {
			if h.Logs == nil {
				h.Logs = map[string]int64{}
			}
			h.Pending = append(h.Pending, reads...)
			h.Logs[name] += n
		}
	}
	return nil
}

// readLog reads the whole lines of a log from a byte on, and how many bytes they are.
func (c *Copy) readLog(name string, from int64) (out []schemas.ReadOfCopy, n int64, err error) {
	bad := func(err error) error {
		return schemas.Errorf(schemas.Invalid, c.dir, "the log of what was read, %s, cannot be read: %w", path.Join(logsName, name), err)
	}
	f, err := c.root.Open(path.Join(logsName, name))
	if err != nil {
		return nil, 0, bad(err)
	}
	defer f.Close()
	_, err = f.Seek(from, io.SeekStart)
	if err != nil {
		return nil, 0, bad(err)
	}
	in := bufio.NewReaderSize(f, 64<<10)
	byFile := map[string]int{}
	for {
		b, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) { // a line without its end is still being written
			return out, n, nil
		}
		var l line
		if err == nil {
			err = json.Unmarshal(bytes.TrimSpace(b), &l)
		}
		if err != nil {
			return nil, 0, bad(err)
		}
		n += int64(len(b))
		i, seen := byFile[l.File]
		if !seen {
			i = len(out)
			byFile[l.File] = i
			out = append(out, schemas.ReadOfCopy{At: c.now().UTC(), By: strings.TrimSuffix(name, ".log"), File: l.File})
		}
		out[i].Rows, out[i].Bytes = out[i].Rows+l.Rows, out[i].Bytes+l.Bytes
	}
}
