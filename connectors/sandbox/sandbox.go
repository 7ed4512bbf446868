// Package sandbox runs shard.Conform in a process of its own, under limits.
//
// In flows an open object, a spec and an open file for the result; out flows a
// report, or an error that says in words what became of the process. What
// always holds: whatever the object makes a decoder do (crash, hang, ask for
// any memory), only the child dies; one process reads one object; no more than
// Limits.Children run at once; no child outlives its context or its time.
//
// What it must not know: users, terms, stores. It knows shard; shard knows
// nothing of processes.
package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"guichet/connectors/shard"
	"guichet/schemas"
)

// verb is the hidden argument by which the binary knows that it is the child.
const verb = "__sandbox-conform"

// Limits of one child process. Zero values take the defaults in brackets.
type Limits struct {
	Memory   int64         // bytes of data segment and heap [512 MiB]
	CPU      time.Duration // processor time [10 min]
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
}

// New makes a Runner that re-executes executable, whose main calls Main first
// (os.Executable() for our own binary). It starts nothing but one or two short trials
// whether a process may leave the network.
func New(executable string, limits Limits) *Runner {
	limits = limits.withDefaults()
	return &Runner{executable: executable, limits: limits, slots: make(chan struct{}, limits.Children), namespaces: separation(executable)}
}

// job crosses to the child on its standard input.
type job struct {
	Spec   shard.Spec `json:"spec"`
	Size   int64      `json:"size"`
	Limits Limits     `json:"limits"`
}

// answer comes back on its standard output: a report or an error.
type answer struct {
	Report *shard.Report  `json:"report,omitempty"`
	Error  *schemas.Error `json:"error,omitempty"`
}

// maxAnswer bounds the report: 100 bytes per batch, and a version's largest
// shards have some 10,000 batches.
const maxAnswer = 64 << 20

// Conform runs shard.Conform on the first size bytes of in, in a child process
// that writes to out. It waits for a free place, and kills the child when ctx
// ends or its time is over. Kinds: Invalid (the object is wrong or made the
// child die), Unavailable (no room for what is written), Internal (no child could be
// started); ctx's error when ctx ended.
func (r *Runner) Conform(ctx context.Context, in *os.File, size int64, spec shard.Spec, out *os.File) (shard.Report, error) {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return shard.Report{}, ctx.Err()
	}
	wall, stop := context.WithTimeout(ctx, r.limits.Wall)
	defer stop()
	body, err := json.Marshal(job{spec, size, r.limits})
	if err != nil {
		return shard.Report{}, fmt.Errorf("start the reading process: %w", err)
	}
	var stdout, stderr capped
	stdout.left, stderr.left = maxAnswer, 64<<10
	cmd := exec.CommandContext(wall, r.executable, verb)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(string(body)), &stdout, &stderr
	cmd.ExtraFiles = []*os.File{in, out}
	cmd.Env = []string{"GOMEMLIMIT=off", "GOTRACEBACK=single"}
	cmd.WaitDelay = time.Second
	isolate(cmd, r.namespaces)
	runErr := cmd.Run()
	if err := ctx.Err(); err != nil {
		return shard.Report{}, err
	}
	if wall.Err() != nil {
		return shard.Report{}, schemas.Errorf(schemas.Invalid, spec.Name, "reading the file took longer than %s and was stopped", r.limits.Wall)
	}
	var a answer
	if json.Unmarshal(stdout.b, &a) == nil && runErr == nil {
		if a.Error != nil {
			return shard.Report{}, a.Error
		}
		if a.Report != nil {
			return *a.Report, nil
		}
	}
	return shard.Report{}, r.died(spec.Name, runErr, string(stderr.b))
}

// died says in words how a child ended that gave no answer.
func (r *Runner) died(name string, err error, stderr string) error {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if err != nil && !ok {
		return fmt.Errorf("start the reading process: %w", err)
	}
	cause := fmt.Errorf("sandbox child: %v: %s", err, head(stderr, 2000))
	e := schemas.Errorf(schemas.Invalid, name, "the file made its reader stop: it is corrupt, or uses a part of the format that cannot be read")
	switch {
	case outOfMemory(stderr):
		e.Message = fmt.Sprintf("reading the file took more than %d MiB; its batches or row groups are too large, or it is corrupt", r.limits.Memory>>20)
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
	for _, said := range []string{"out of memory", "cannot allocate memory", "bytes at once"} {
		if strings.Contains(stderr, said) {
			return true
		}
	}
	return unchecked.MatchString(stderr)
}

func head(s string, n int) string { return s[:min(n, len(s))] }

// capped keeps the first bytes that are written to it and drops the rest.
type capped struct {
	b    []byte
	left int
}

func (c *capped) Write(p []byte) (int, error) {
	k := min(len(p), c.left)
	c.b, c.left = append(c.b, p[:k]...), c.left-k
	return len(p), nil
}

// Main serves the hidden verb: main() calls it first with os.Args, and so does
// TestMain. handled is true when this process was a child and has answered; the
// caller then returns at once.
func Main(args []string) (handled bool) {
	if len(args) < 2 || args[1] != verb {
		return false
	}
	if len(args) > 2 { // the trial whether a process may leave the network
		return true
	}
	a := serve(os.Stdin)
	if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func serve(stdin io.Reader) answer {
	var j job
	if err := json.NewDecoder(stdin).Decode(&j); err != nil {
		return failed("", fmt.Errorf("read the job: %w", err))
	}
	if err := confine(j.Limits, shard.MostOut(j.Size)); err != nil {
		return failed(j.Spec.Name, fmt.Errorf("lower the limits: %w", err))
	}
	in, out := os.NewFile(3, "input"), os.NewFile(4, "output")
	r, err := shard.Conform(context.Background(), in, j.Size, j.Spec, out)
	if err != nil {
		return failed(j.Spec.Name, err)
	}
	return answer{Report: &r}
}

// failed makes an error ready to cross: causes do not, as they are for the log
// of the child alone.
func failed(name string, err error) answer {
	e, ok := errors.AsType[*schemas.Error](err)
	if full(err) {
		return answer{Error: &schemas.Error{Kind: schemas.Unavailable, Subject: name, Message: "there is no room on the disk for what is written of the file"}}
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
