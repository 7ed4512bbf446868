package read

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"

	"guichet/gateway/stream/memory"
	"guichet/schemas"
)

// Recent are the bytes of batches from which streams take small parts: windows that are
// smaller than they, and the parts of a job that has many ranks. Who needs the same batch at
// about the same time shares one read of it, and what nobody needs is kept while there is
// room. They are compared like all that is read, and never changed. Safe for concurrent use.
//
//	stream 1   batch 7   reads it      ─┐
//	stream 2   batch 7   waits for it  ─┴▶ both make their messages of it
//	stream 3   batch 8   waits while all there is room for is in use
//
// In use is a batch while messages are made of it, never while a client takes them: room
// comes as fast as stores answer. Their bytes are of those that are for reading ahead.
type Recent struct {
	budget *memory.Budget
	most   int64
	mu     sync.Mutex
	held   int64
	all    map[string]*sharedRead
	idle   *list.List    // of those that nobody uses, the last used one last
	moved  chan struct{} // closed and replaced when room may have come
	soon   bool          // what is idle for too long will be dropped
}

// sharedRead is a range that was read, or is being read.
type sharedRead struct {
	key    string
	length int64
	users  int
	at     *list.Element // in idle
	since  time.Time     // that it is
	ready  chan struct{}
	bytes  []byte // from here on valid once ready is closed
	err    error
	own    bool // err is that of who read alone: its stream ended
}

// keepIdle is how long a batch is kept that nobody uses.
const keepIdle = 15 * time.Second

// NewRecent keeps at most three quarters of what a budget has for reading ahead. A batch that is
// larger alone is read nevertheless.
func NewRecent(b *memory.Budget) *Recent {
	return &Recent{budget: b, most: b.ForAhead() - b.ForAhead()/4, all: map[string]*sharedRead{}, idle: list.New(), moved: make(chan struct{})}
}

// get gives a range to use until done is called. read reads it, where nobody else has. Errors:
// those of read; ctx's.
func (r *Recent) get(ctx context.Context, key string, length int64, read func() ([]byte, error)) (bytes []byte, done func(), err error) {
	for {
		s, moved := r.use(key, length)
		switch {
		case s == nil:
			select {
			case <-moved:
				continue
			case <-ctx.Done():
				return nil, nil, context.Cause(ctx)
			}
		case moved == nil:
			r.fill(ctx, s, read)
		default:
			select {
			case <-s.ready:
			case <-ctx.Done():
				r.done(s)
				return nil, nil, context.Cause(ctx)
			}
		}
		if s.err == nil {
			return s.bytes, func() { r.done(s) }, nil
		}
		r.done(s)
		if !s.own || ctx.Err() != nil {
			return nil, nil, s.err
		}
	}
}

// use takes a range: one that is there, or a new one, which is to be filled and says so by no
// channel. It is nil where there is no room before the channel is closed.
func (r *Recent) use(key string, length int64) (s *sharedRead, moved <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s = r.all[key]
	if s != nil {
		s.users++
		if s.at != nil {
			r.idle.Remove(s.at)
			s.at = nil
		}
		return s, r.moved
	}
	for r.held+length > r.most || !r.budget.TryAhead(length) {
		oldest := r.oldest()
		if oldest == nil && r.held > 0 {
			return nil, r.moved
		}
		if oldest == nil { // what is read alone is read, whatever others hold
			r.budget.Ahead(length)
			break
		}
		r.drop(oldest)
	}
	s = &sharedRead{key: key, length: length, users: 1, ready: make(chan struct{})}
	r.all[key] = s
	r.held += length
	return s, nil
}

// fill reads a new range. What it comes to is not said before: who waits may end meanwhile, and
// drops only what has failed.
func (r *Recent) fill(ctx context.Context, s *sharedRead, read func() ([]byte, error)) {
	var bytes []byte
	err := context.Canceled // of a panic, which goes on
	panics := true
	defer func() {
		r.mu.Lock()
		s.bytes, s.err, s.own = bytes, err, panics || err != nil && ctx.Err() != nil
		r.mu.Unlock()
		close(s.ready)
		if panics {
			r.done(s)
		}
	}()
	bytes, err = read()
	panics = false
}

// done lets go of a range. One that failed is forgotten, so that it is read anew.
func (r *Recent) done(s *sharedRead) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.users--
	if s.err != nil && r.all[s.key] == s {
		r.drop(s)
	}
	if s.users > 0 {
		return
	}
	if s.err == nil {
		s.at, s.since = r.idle.PushBack(s), time.Now()
		r.expire()
	}
	close(r.moved)
	r.moved = make(chan struct{})
}

// drop forgets a range. It is called with mu held.
func (r *Recent) drop(s *sharedRead) {
	if s.at != nil {
		r.idle.Remove(s.at)
		s.at = nil
	}
	delete(r.all, s.key)
	r.held -= s.length
	r.budget.EndAhead(s.length)
}

// oldest is what was used longest ago of what nobody uses; nil where there is none. It is
// called with mu held.
func (r *Recent) oldest() *sharedRead {
	first := r.idle.Front()
	if first == nil {
		return nil
	}
	return first.Value.(*sharedRead) //nolint:forcetypeassert // nothing else is in it
}

// expire drops what nobody uses any more, once it has been kept. It is called with mu held.
func (r *Recent) expire() {
	if r.soon {
		return
	}
	s := r.oldest()
	for ; s != nil && time.Since(s.since) >= keepIdle; s = r.oldest() {
		r.drop(s)
	}
	if s == nil {
		return
	}
	r.soon = true
	time.AfterFunc(time.Until(s.since.Add(keepIdle)), func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.soon = false
		r.expire()
	})
}

// key names a range of a shard, as a store gives it that the operator answers for or not; name
// is what errors call it by.
func (rd *Range) key(sh *schemas.Shard, own bool, name string) string {
	return fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%s\x00%d\x00%d\x00%t",
		name, sh.Store, sh.Bucket, sh.Key, sh.ETag, rd.offset, rd.length, own)
}

// sharedBytes gives a range of which others will soon take parts too, to use until done is called.
func (r *Reader) sharedBytes(ctx context.Context, rd Range) (bytes []byte, done func(), err error) {
	if r.Recent == nil {
		buf, err := r.bytes(ctx, rd)
		if err != nil {
			return nil, nil, err
		}
		return *buf, func() { r.buffers.Put(buf) }, nil
	}
	sh := r.source.StoredShard(rd.shard)
	store, err := r.open(ctx, sh.Store)
	if err != nil {
		return nil, nil, RedactLocation(r.source.Name(), err)
	}
	return r.Recent.get(ctx, rd.key(sh, store.Own(), r.source.Name()), rd.length, func() ([]byte, error) {
		buf, err := r.bytes(ctx, rd)
		if err != nil {
			return nil, err
		}
		return *buf, nil
	})
}
