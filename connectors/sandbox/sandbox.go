// Package sandbox runs shard.Conform in a process of its own, under limits.
//
// In flows an open object, a spec and an open file for the result; out flows a
// report, or an error that says in words what became of the process. What
// always holds: whatever the object makes a decoder do (crash, hang, ask for
// any memory), only the child dies, and only that object fails; one process reads one
// object at a time, and only objects of one Group; no more than Limits.Children read at
// once; no child outlives its group, its context or its time.
//
// What it must not know: users, terms, stores. It knows shard; shard knows
// nothing of processes.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"guichet/connectors/shard"
	"guichet/schemas"
)

// verb is the hidden argument by which the binary knows that it is the child.
const verb = "__sandbox-conform"

// Limits of one child process. Zero values take the defaults in brackets.
type Limits struct {
	Memory   int64         // bytes of data segment and heap [512 MiB]
	CPU      time.Duration // processor time of a job, at least [10 min]
	Wall     time.Duration // time from start to end [10 min]
	Files    uint64        // open files [32]
	Children int           // processes at once [2]
}

func (l Limits) withDefaults() Limits {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&l.CPU, 10*time.Minute)
	set(&l.Wall, 10*time.Minute)
	if l.Memory == 0 {
		l.Memory = 512 << 20
	}
	if l.Files == 0 {
		l.Files = 32
	}
	if l.Children == 0 {
		l.Children = 2
	}
	return l
}

// Runner starts the children. It is safe for concurrent use.
type Runner struct {
	executable string
	limits     Limits
	slots      chan struct{} // one for each child that may run
	namespaces uintptr       // new ones for each child, so that it has no network; 0 where none may be had
	started    atomic.Int64  // children, for tests
}

// New makes a Runner that re-executes executable, whose main calls Main first
// (os.Executable() for our own binary). It starts nothing but one or two short trials
// whether a process may leave the network.
func New(executable string, limits Limits) *Runner {
	limits = limits.withDefaults()
	return &Runner{executable: executable, limits: limits, slots: make(chan struct{}, limits.Children), namespaces: separation(executable)}
}

// job crosses to the child.
type job struct {
	Spec   shard.Spec `json:"spec"`
	Size   int64      `json:"size"`
	Limits Limits     `json:"limits"` // those of the first job stand
	Most   int64      `json:"most"`   // bytes of the longest file that the child may ever write
}

// answer comes back: a report or an error.
type answer struct {
	Report *shard.Report  `json:"report,omitempty"`
	Error  *schemas.Error `json:"error,omitempty"`
	Used   int64          `json:"used"` // processor time of the child so far, in nanoseconds
}

// maxAnswer bounds the report: 100 bytes per batch, and a version's largest
// shards have some 10,000 batches.
const maxAnswer = 64 << 20

// Conform runs shard.Conform on the first size bytes of in, in a child process of its own
// that writes to out. It waits for a free place, and kills the child when ctx
// ends or its time is over. Kinds: Invalid (the object is wrong or made the
// child die), Unavailable (no room for what is written), Internal (no child could be
// started); ctx's error when ctx ended.
func (r *Runner) Conform(ctx context.Context, in *os.File, size int64, spec shard.Spec, out *os.File) (shard.Report, error) {
	g := r.Group()
	defer g.Close()
	return g.Conform(ctx, in, size, spec, out)
}

// died says in words how a child ended that gave no answer.
func (r *Runner) died(name string, err error, stderr string) error {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if err != nil && !ok {
		return fmt.Errorf("start the reading process: %w", err)
	}
	cause := fmt.Errorf("sandbox child: %v: %s", err, head(stderr, 2000))
	e := schemas.Errorf(schemas.Invalid, name, "the file made its reader stop: it is corrupt, or uses a part of the format that "+
		"cannot be read")
	switch {
	case outOfMemory(stderr):
		e.Message = fmt.Sprintf("reading the file took more than %d MiB; its batches or row groups are too large, or it is corrupt",
			r.limits.Memory>>20)
	case exit != nil && cpuSpent(exit.ProcessState):
		e.Message = fmt.Sprintf("reading the file took more than %s of processor time and was stopped", r.limits.CPU)
	case exit != nil && killed(exit.ProcessState):
		e.Message = "the process that read the file was killed by the system, most likely for its memory"
	}
	e.Err = cause
	return e
}

// unchecked is how the Go runtime ends where it did not look whether the system
// gave it memory and writes to address 0. The same in any other code is a panic.
var unchecked = regexp.MustCompile(`(?m)^SIGSEGV: segmentation violation\nPC=\S+ m=\d+ sigcode=\d+ addr=0x0$`)

// outOfMemory tells from a child's last words whether it ended for want of memory.
func outOfMemory(stderr string) bool {
	for _, said := range []string{"out of memory", "cannot allocate memory", "bytes at once", "pthread_create failed"} {
		if strings.Contains(stderr, said) {
			return true
		}
	}
	return unchecked.MatchString(stderr)
}

func head(s string, n int) string { return s[:min(n, len(s))] }

// capped keeps the first bytes that are written to it and drops the rest.
type capped struct {
	mu   sync.Mutex
	b    []byte
	left int
}

func (c *capped) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := min(len(p), c.left)
	c.b, c.left = append(c.b, p[:k]...), c.left-k
	return len(p), nil
}

func (c *capped) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.b)
}

// Main serves the hidden verb: main() calls it first with os.Args, and so does
// TestMain. handled is true when this process was a child and has ended; the
// caller then returns at once.
func Main(args []string) (handled bool) {
	if len(args) < 2 || args[1] != verb {
		return false
	}
	if len(args) > 2 { // the trial whether a process may leave the network
		return true
	}
	confined := false
	err := jobs(func(j job, in, out *os.File) answer {
		if !confined {
			err := confine(j.Limits, j.Most)
			if err != nil {
				return failed(j.Spec.Name, fmt.Errorf("lower the limits: %w", err))
			}
			confined = true
		}
		return serve(j, in, out)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func serve(j job, in, out *os.File) answer {
	r, err := shard.Conform(context.Background(), in, j.Size, j.Spec, out)
	a := answer{Report: &r}
	if err != nil {
		a = failed(j.Spec.Name, err)
	}
	a.Used = int64(processorTime())
	tidy()
	return a
}

// kept is how much memory a child may keep from a job that is done, in bytes.
const kept = 32 << 20

// tidy gives back what a job needed, so that the next has the same room.
func tidy() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapSys-m.HeapReleased > kept {
		debug.FreeOSMemory()
	}
}

// failed makes an error ready to cross: causes do not, as they are for the log
// of the child alone.
func failed(name string, err error) answer {
	e, ok := errors.AsType[*schemas.Error](err)
	if full(err) {
		return answer{Error: &schemas.Error{Kind: schemas.Unavailable, Subject: name, Message: "there is no room on the disk for what " +
			"is written of the file"}}
	}
	if !ok {
		return answer{Error: &schemas.Error{Kind: schemas.Internal, Subject: name, Message: err.Error()}}
	}
	c := *e
	if c.Err = nil; c.Subject == "" {
		c.Subject = name
	}
	return answer{Error: &c}
}
