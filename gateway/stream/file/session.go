package file

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/release"
	"guichet/policy"
	"guichet/schemas"
)

// idleAfter is how long a file's release waits for another range: those who mount a
// shard, or read some of its columns, ask for many small ranges one after another.
const idleAfter = 5 * time.Second

// rangeSession is one open release that the ranges of one file under one lease join: the
// record is not flooded, and a range need not wait for a record of its own
// [decisions.md 18].
//
//	join      ranges in turn                                  ends when
//	──▶ open ──────────────────────────────────────▶ shut ──▶ no range runs
//	     │ begun: its ranges may send                 ▲
//	     │ refused: all that joined hear why          ├ 5 s without a range, or the lease is over
//	     │                                            ├ the release covers no more, or a charge failed
//	     └ cut: all that run end                      └ cut, or the gateway stops
//
// Who comes after shut begins another. The release ends as the worst of its ranges did.
type rangeSession struct {
	key     sessionKey
	began   chan struct{} // closed when the release has begun, or was refused
	refused error         // why it was, set before began is closed
	changed chan struct{} // holds one token when a range has joined or left

	counting sync.Mutex // held while more is reserved: a cut must not wait for it
	release  *release.Open
	lowered  bool   // by the budget: another release would get no more
	touched  []bool // by batch

	compared comparedMessages // of a raw file's messages

	mu      sync.Mutex
	running map[*rangeRead]struct{}
	shut    bool         // no more ranges join
	failed  *release.Cut // what the worst of its ranges came to
}

// sessionKey is what ranges have in common that join one release.
type sessionKey struct {
	door      string // which the record names
	lease     schemas.LeaseID
	agreement schemas.AgreementID
	run       schemas.RunID
	declared  bool
	file      string // the ETag: of dataset, version, table, split, shard and view; of objects their split
}

// rangeRead is one range while it runs.
type rangeRead struct {
	session *rangeSession
	cut     context.CancelCauseFunc
}

// sessions are the open releases of files.
type sessions struct {
	mu   sync.Mutex
	open map[sessionKey]*rangeSession
}

// close lets no more ranges join.
func (ss *sessions) close(j *rangeSession) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.open[j.key] == j {
		delete(ss.open, j.key)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.shut = true
}

// join gives the open release of a file, and begins it where there is none.
func (s *Files) join(ctx context.Context, g policy.Grant, f *File, cut context.CancelCauseFunc) (*rangeRead, error) {
	name, batches, _ := f.joined()
	key := sessionKey{g.Asked().Door, g.Lease().ID, g.Agreement().ID, g.Asked().Run, g.Declared(), name}
	s.sessions.mu.Lock()
	j := s.sessions.open[key]
	if j == nil {
		j = &rangeSession{
			key:     key,
			began:   make(chan struct{}),
			changed: make(chan struct{}, 1),
			touched: make([]bool, batches),
			running: map[*rangeRead]struct{}{},
		}
		s.sessions.open[key] = j
		go s.runSession(context.WithoutCancel(ctx), g.At(f.Source.Table.Name, f.Source.Split.Name), j, f.wholeRelease(), f.group != nil)
	}
	r := &rangeRead{j, cut}
	j.mu.Lock()
	j.running[r] = struct{}{} // before another may shut it: it would end without this range
	j.mu.Unlock()
	s.sessions.mu.Unlock()
	j.tell()
	select {
	case <-j.began:
		return r, j.refused
	case <-ctx.Done():
		return r, context.Cause(ctx)
	}
}

// wholeRelease is a release that covers a file once.
func (f *File) wholeRelease() schemas.Release {
	if f.group != nil {
		return f.group.release()
	}
	r := schemas.Release{Ask: fmt.Sprintf("shard=%d", f.Shard), MostBytes: f.Size, Columns: plan.NameColumns(f.Source.Columns())}
	for _, sp := range f.batches {
		r.MostRows += sp.rows
	}
	return r
}

// runSession holds a release open until its last range has left and no other came.
func (s *Files) runSession(ctx context.Context, g policy.Grant, j *rangeSession, whole schemas.Release, objects bool) {
	_, err := s.keeper.Hold(ctx, g, whole, release.ReadPlan{}, nil, func(ctx context.Context, o *release.Open) error {
		j.release, j.lowered = o, o.MostRows < whole.MostRows || o.MostBytes < whole.MostBytes
		close(j.began)
		err := s.waitIdle(ctx, j, g.Lease().Until)
		if objects {
			o.Ask = nameTouched(j.touched)
		}
		return err
	})
	if j.release == nil {
		s.sessions.close(j)
		j.refused = err
		close(j.began)
	}
}

// waitIdle returns when no range runs and none will come.
func (s *Files) waitIdle(ctx context.Context, j *rangeSession, until time.Time) error {
	quiet := time.NewTimer(idleAfter)
	defer quiet.Stop()
	closing, cut := s.life.Context().Done(), ctx.Done()
	for {
		running, shut := j.look()
		if running == 0 && shut {
			break
		}
		quiet.Stop()
		if running == 0 { // a range that lasts long is not quiet
			quiet.Reset(min(idleAfter, until.Sub(s.now())))
		}
		select {
		case <-j.changed:
		case <-quiet.C:
			s.sessions.close(j)
		case <-closing: // ranges that run have the grace of all streams
			closing = nil
			s.sessions.close(j)
		case <-cut:
			cut = nil
			s.sessions.close(j)
			j.cut(context.Cause(ctx))
		}
	}
	err := context.Cause(ctx)
	if err == nil && j.failed != nil {
		err = j.failed
	}
	return err
}

func (j *rangeSession) look() (running int, shut bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.running), j.shut
}

func (j *rangeSession) tell() {
	select {
	case j.changed <- struct{}{}:
	default:
	}
}

// cut ends the ranges that run.
func (j *rangeSession) cut(why error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for r := range j.running {
		r.cut(why)
	}
}

// leave ends a range; err is why it was not delivered. The others go on, and the
// release ends as the worst of its ranges did.
func (r *rangeRead) leave(ctx context.Context, err error) {
	j := r.session
	j.mu.Lock()
	delete(j.running, r)
	if err != nil {
		state, cause := release.Ending(ctx, err)
		if j.failed == nil || worse(state) > worse(j.failed.State) {
			j.failed = &release.Cut{State: state, Reason: cause}
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

// charge counts and charges bytes of the file before they are sent, with the rows of
// the batches that no range has touched yet. full says that the release covers no
// more: the file was read once.
func (r *rangeRead) charge(ctx context.Context, f *File, rg Range) (full bool, err error) {
	// A file of three batches of 16 rows, ranges one after another:
	//
	//	bytes of batch 0        16 rows
	//	bytes of batches 0, 1   16 rows: batch 0 is paid for
	//	bytes of a dictionary   16 rows: it has values of all three, two are paid for
	//	bytes of batch 2        none
	j := r.session
	j.counting.Lock()
	defer j.counting.Unlock()
	var rows, batches int64
	first, last, _ := f.Touched(rg)
	_, _, base := f.joined()
	for i := first; i < last; i++ {
		if !j.touched[base+i] {
			rows += f.batches[i].rows
			batches++
		}
	}
	if j.release.Bytes+rg.N > j.release.MostBytes && !j.lowered { // where it is, Charge says that the budget is spent
		return true, nil
	}
	err = j.release.Charge(ctx, rows, rg.N)
	if cut, is := errors.AsType[*release.Cut](err); is && cut.Kind == schemas.Denied && j.lowered && f.touchesDictionary(rg) {
		cut.Reason += fmt.Sprintf("; this part of the file has dictionary values of all %d rows of the shard: read it by /stream, which "+
			"sends those of its own rows", f.wholeRelease().MostRows)
	}
	if err != nil {
		return false, err
	}
	j.release.Batches += batches
	for i := first; i < last; i++ {
		j.touched[base+i] = true
	}
	return false, nil
}

// begun gives the release's id and bounds, for a door's headers.
func (r *rangeRead) begun() schemas.Release {
	r.session.counting.Lock()
	defer r.session.counting.Unlock()
	return r.session.release.Release
}
