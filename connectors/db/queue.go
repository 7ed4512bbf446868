package db

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"guichet/schemas"
)

const (
	// maxQueued bounds the jobs that wait, both queues together; who comes
	// later waits at the door of the queue until its context ends. 64 writers
	// on each of 64 streams fit.
	maxQueued = 4096
	// maxGroup and groupTime bound one group of small writes: at 256 writers
	// the prototype's p99 stayed at 20 ms (measurements.md 7b).
	maxGroup  = 256
	groupTime = 20 * time.Millisecond
	// bulkTime bounds one group of bulk writes [decisions.md 25].
	bulkTime = 5 * time.Millisecond
	// bulkWait is how long small writes may hold bulk ones back before these
	// get one turn [measurements.md 7b].
	bulkWait = 25 * time.Millisecond
)

// states of a job
const (
	waiting int32 = iota
	running
	left // its caller went away before it was taken
)

// job is one caller's function with the place where it waits for the group's commit.
type job struct {
	ctx   context.Context
	fn    func(ctx context.Context, tx *Tx) error
	state atomic.Int32
	done  chan error // one answer, never blocking
}

// insideWrite marks the context of a running function: a Write inside a Write
// would wait for itself.
type insideWrite struct{}

// Write runs fn in a transaction that it shares with other callers, under a
// savepoint, and returns after the commit that holds it is durable. Functions
// run one at a time over all replicas, in the order of their positions.
//
// An error of fn undoes fn's own work and is returned. A panic in fn does the
// same and becomes Internal. Unavailable: the database, its disk or the record
// failed, or Run has ended; the message says whether something may be stored.
// A ctx that ends while fn is queued gives ctx's error and fn does not run;
// later it is too late: fn's own ctx does not end with it. fn must be short,
// must not call Write, and must not keep tx.
func (db *DB) Write(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	return db.submit(ctx, fn, false)
}

// WriteBulk is Write for those who write much and can wait (harvests,
// rebuilds): its functions share transactions of at most 5 ms among
// themselves, and run when no Write waits, at the least every 25 ms. One
// function is never cut, so give it a few rows at a time.
func (db *DB) WriteBulk(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	return db.submit(ctx, fn, true)
}

func errStopped() error {
	return unavailable("The server is stopping; nothing was stored.", "Try again in a moment.", nil)
}

func (db *DB) submit(ctx context.Context, fn func(ctx context.Context, tx *Tx) error, bulk bool) error {
	if ctx.Value(insideWrite{}) != nil {
		return &schemas.Error{Kind: schemas.Internal, Subject: "database", Err: errNested}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case db.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-db.stopped:
		return errStopped()
	}
	j := &job{ctx: ctx, fn: fn, done: make(chan error, 1)}
	if !db.push(j, bulk) {
		<-db.slots
		return errStopped()
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if j.state.CompareAndSwap(waiting, left) {
			return context.Cause(ctx)
		}
		return <-j.done
	}
}

func (db *DB) push(j *job, bulk bool) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return false
	}
	if bulk {
		db.bulk = append(db.bulk, j)
	} else {
		db.small = append(db.small, j)
	}
	select {
	case db.wake <- struct{}{}:
	default:
	}
	return true
}

// pop takes the next job of a queue whose caller still waits, and says whether
// more are behind it; nil when there is none.
func (db *DB) pop(bulk bool) (j *job, more bool) {
	db.mu.Lock()
	defer db.mu.Unlock()
	q := &db.small
	if bulk {
		q = &db.bulk
	}
	for len(*q) > 0 {
		j := (*q)[0]
		(*q)[0] = nil
		*q = (*q)[1:]
		<-db.slots
		if j.state.CompareAndSwap(waiting, running) {
			return j, len(*q) > 0
		}
	}
	return nil, false
}

func (db *DB) queued() (small, bulk int) {
	db.mu.Lock()
	defer db.mu.Unlock()
	return len(db.small), len(db.bulk)
}

// Run serves Write and WriteBulk until ctx ends; then it refuses new ones,
// finishes the queued ones and returns nil. Run it once.
func (db *DB) Run(ctx context.Context) error {
	if !db.active.CompareAndSwap(false, true) {
		return &schemas.Error{Kind: schemas.Internal, Subject: "database", Err: errRunTwice}
	}
	defer close(db.stopped)
	base := context.WithoutCancel(ctx)
	for {
		small, bulk := db.queued()
		switch {
		case bulk > 0 && (small == 0 || time.Since(db.bulkAt) > bulkWait):
			db.serve(base, true)
			db.bulkAt = time.Now()
		case small > 0:
			if db.crowd {
				db.gather(small)
			}
			db.crowd = db.serve(base, false) > 1
		case ctx.Err() != nil:
			if db.shut() {
				return nil
			}
		default:
			select {
			case <-db.wake:
			case <-ctx.Done():
			}
		}
	}
}

// gather lets those whom the last group has just answered come back, so that
// crowds commit together instead of one first and the rest after it. It yields
// and never sleeps: a lone writer does not pay.
func (db *DB) gather(small int) {
	for small < maxGroup {
		runtime.Gosched()
		now, _ := db.queued()
		if now <= small {
			return
		}
		small = now
	}
}

// shut closes the queues when they are empty.
func (db *DB) shut() bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.closed = len(db.small)+len(db.bulk) == 0
	return db.closed
}
