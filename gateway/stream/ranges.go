package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"guichet/policy"
	"guichet/policy/agreement/release"
	"guichet/schemas"
)

// idleAfter is how long a file's release waits for another range: those who mount a
// shard, or read some of its columns, ask for many small ranges one after another.
const idleAfter = 5 * time.Second

// joint is one open release that the ranges of one file under one lease join: the
// record is not flooded, and a range need not wait for a record of its own
// [decisions.md 18].
type joint struct {
	key     jointKey
	began   chan struct{} // closed when the release has begun, or was refused
	refused error         // why it was, set before began is closed
	changed chan struct{} // holds one token when a range has joined or left

	counting sync.Mutex // held while more is reserved: a cut must not wait for it
	release  *schemas.Release
	tab      *release.Reservation
	lowered  bool   // by the budget: another release would get no more
	touched  []bool // by batch

	whole whole // of a raw file's messages

	mu      sync.Mutex
	running map[*joined]struct{}
	shut    bool // no more ranges join
	failed  *Cut // what the worst of its ranges came to
}

// jointKey is what ranges have in common that join one release.
type jointKey struct {
	lease     schemas.LeaseID
	agreement schemas.AgreementID
	run       schemas.RunID
	declared  bool
	file      string // the ETag: of dataset, version, table, split, shard and view
}

// joined is one range while it runs.
type joined struct {
	joint *joint
	cut   context.CancelCauseFunc
}

// joints are the open releases of files.
type joints struct {
	mu   sync.Mutex
	open map[jointKey]*joint
}

// close lets no more ranges join.
func (js *joints) close(j *joint) {
	js.mu.Lock()
	defer js.mu.Unlock()
	if js.open[j.key] == j {
		delete(js.open, j.key)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.shut = true
}

// join gives the open release of a file, and begins it where there is none.
func (e *Engine) join(ctx context.Context, g policy.Grant, f *File, cut context.CancelCauseFunc) (*joined, error) {
	key := jointKey{g.Lease().ID, g.Agreement().ID, g.Asked().Run, g.Declared(), f.ETag}
	e.joints.mu.Lock()
	j := e.joints.open[key]
	if j == nil {
		j = &joint{key: key, began: make(chan struct{}), changed: make(chan struct{}, 1), touched: make([]bool, len(f.spans)), running: map[*joined]struct{}{}}
		e.joints.open[key] = j
		go e.keep(context.WithoutCancel(ctx), g, f.Source, j, f.whole())
	}
	r := &joined{j, cut}
	j.mu.Lock()
	j.running[r] = struct{}{}
	j.mu.Unlock()
	e.joints.mu.Unlock()
	j.tell()
	select {
	case <-j.began:
		return r, j.refused
	case <-ctx.Done():
		return r, context.Cause(ctx)
	}
}

// whole is a release that covers a file once.
func (f *File) whole() schemas.Release {
	r := schemas.Release{Ask: fmt.Sprintf("shard=%d", f.Shard), MostBytes: f.Size}
	for _, sp := range f.spans {
		r.MostRows += sp.rows
	}
	return r
}

// keep holds a release open until its last range has left and no other came.
func (e *Engine) keep(ctx context.Context, g policy.Grant, src *Source, j *joint, whole schemas.Release) {
	_, err := e.release(ctx, g, src, whole, release.ReadPlan{}, nil, func(ctx context.Context, r *schemas.Release, tab *release.Reservation, _ context.CancelCauseFunc) error {
		j.release, j.tab, j.lowered = r, tab, r.MostRows < whole.MostRows || r.MostBytes < whole.MostBytes
		close(j.began)
		return e.wait(ctx, j, g.Lease().Until)
	})
	if j.release == nil {
		e.joints.close(j)
		j.refused = err
		close(j.began)
	}
}

// wait returns when no range runs and none will come.
func (e *Engine) wait(ctx context.Context, j *joint, until time.Time) error {
	quiet := time.NewTimer(idleAfter)
	defer quiet.Stop()
	closing, cut := (<-chan struct{})(e.closing), ctx.Done()
	for {
		running, shut := j.look()
		if running == 0 && shut {
			break
		}
		quiet.Stop()
		if running == 0 {
			quiet.Reset(min(idleAfter, until.Sub(e.Now())))
		}
		select {
		case <-j.changed:
		case <-quiet.C:
			e.joints.close(j)
		case <-closing: // ranges that run have the grace of all streams
			closing = nil
			e.joints.close(j)
		case <-cut:
			cut = nil
			e.joints.close(j)
			j.cut(context.Cause(ctx))
		}
	}
	err := context.Cause(ctx)
	if err == nil && j.failed != nil {
		err = j.failed
	}
	return err
}

func (j *joint) look() (running int, shut bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.running), j.shut
}

func (j *joint) tell() {
	select {
	case j.changed <- struct{}{}:
	default:
	}
}

// cut ends the ranges that run.
func (j *joint) cut(why error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for r := range j.running {
		r.cut(why)
	}
}

// leave ends a range; err is why it was not delivered. The others go on, and the
// release ends as the worst of its ranges did.
func (r *joined) leave(ctx context.Context, err error) {
	j := r.joint
	j.mu.Lock()
	delete(j.running, r)
	if err != nil {
		state, cause := ending(ctx, err)
		if j.failed == nil || worse(state) > worse(j.failed.State) {
			j.failed = &Cut{State: state, Reason: cause}
		}
	}
	j.mu.Unlock()
	j.tell()
}

func worse(s schemas.ReleaseState) int {
	switch s {
	case schemas.ReleaseCut:
		return 2
	case schemas.ReleaseBroken:
		return 1
	}
	return 0
}

// take counts and charges bytes of the file before they are sent, with the rows of
// the batches that no range has touched yet. full says that the release covers no
// more: the file was read once.
func (r *joined) take(ctx context.Context, e *Engine, f *File, rg Range) (full bool, err error) {
	j := r.joint
	j.counting.Lock()
	defer j.counting.Unlock()
	var rows, batches int64
	first, last, _ := f.Touched(rg)
	for i := first; i < last; i++ {
		if !j.touched[i] {
			rows += f.spans[i].rows
			batches++
		}
	}
	if j.release.Bytes+rg.N > j.release.MostBytes && !j.lowered {
		return true, nil
	}
	err = e.take(ctx, j.release, j.tab, rows, rg.N)
	if cut, is := errors.AsType[*Cut](err); is && cut.Kind == schemas.Denied && j.lowered && f.valued(rg) {
		cut.Reason += fmt.Sprintf("; this part of the file has dictionary values of all %d rows of the shard: read it by /stream, which sends those of its own rows", f.whole().MostRows)
	}
	if err != nil {
		return false, err
	}
	j.release.Batches += batches
	for i := first; i < last; i++ {
		j.touched[i] = true
	}
	return false, nil
}

// begun gives the release's id and bounds, for a door's headers.
func (r *joined) begun() schemas.Release {
	r.joint.counting.Lock()
	defer r.joint.counting.Unlock()
	return *r.joint.release
}
