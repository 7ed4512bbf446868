package read

import (
	"container/list"
	"context"
	"fmt"
	"sync"

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
// comes as fast as stores answer.
type Recent struct {
	mu    sync.Mutex
	most  int64
	held  int64
	all   map[string]*sharedRead
	idle  *list.List    // of those that nobody uses, the last used one last
	moved chan struct{} // closed and replaced when room may have come
}

// sharedRead is a range that was read, or is being read.
type sharedRead struct {
	key    string
	length int64
	users  int
	at     *list.Element // in idle
	ready  chan struct{}
	bytes  []byte // from here on valid once ready is closed
	err    error
	own    bool // err is that of who read alone: its stream ended
}

// maxRecent bounds their bytes: a table of that size is read once, whatever its windows.
const maxRecent = 128 << 20

// NewRecent keeps at most an eighth of the memory that streams may have; 0 is the default. A
// batch that is larger alone is read nevertheless.
func NewRecent(memory int64) *Recent {
	if memory == 0 {
		memory = defaultMemory
	}
	return &Recent{most: min(maxRecent, memory/8), all: map[string]*sharedRead{}, idle: list.New(), moved: make(chan struct{})}
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
	for r.held+length > r.most && r.idle.Len() > 0 {
		r.drop(r.idle.Front().Value.(*sharedRead)) //nolint:forcetypeassert // nothing else is in it
	}
	if r.held > 0 && r.held+length > r.most {
		return nil, r.moved
	}
	s = &sharedRead{key: key, length: length, users: 1, ready: make(chan struct{})}
	r.all[key] = s
	r.held += length
	return s, nil
}

// fill reads a new range.
func (r *Recent) fill(ctx context.Context, s *sharedRead, read func() ([]byte, error)) {
	s.err = context.Canceled // of a panic, which goes on
	s.own = true
	defer close(s.ready)
	s.bytes, s.err = read()
	s.own = s.err != nil && ctx.Err() != nil
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
		s.at = r.idle.PushBack(s)
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
		return *buf, func() { r.buffers.put(buf) }, nil
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
