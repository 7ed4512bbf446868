package read

import (
	"context"

	"guichet/gateway/stream/plan"
)

// HeldFor is what a result holds, in bytes: the buffer that was read, those that messages
// were spliced in, and each message in memory of its own.
func HeldFor(r Range, res Result, raw bool) int64 {
	if b := res.Batches; b != nil { // after its last
		return int64(cap(b.whole) + cap(b.made))
	}
	n := r.length // a filtering view's buffer is free again; the next read has it
	if r.woven {
		n = r.largest
	}
	if res.read != nil {
		n = int64(cap(*res.read))
	}
	alone := !raw
	if res.made != nil && len(*res.made) > 0 {
		n, alone = n+int64(cap(*res.made)), false
	}
	var last *byte
	for _, m := range res.Messages {
		if alone && &m.Bytes[0] != last {
			n, last = n+int64(cap(m.Bytes)), &m.Bytes[0]
		}
	}
	return n
}

// Apart has each range ask the store itself.
func Apart(reads []Range) []Range {
	for i := range reads {
		reads[i].before, reads[i].after, reads[i].until, reads[i].again = nil, nil, 0, 0
	}
	return reads
}

// Span is where a range lies in its shard's object.
func (r *Range) Span() (shard int, from, length int64) { return r.shard, r.offset, r.length }

// Slices are those that a range holds.
func (r *Range) Slices() []plan.Slice { return r.slices }

// Passes says that the batches of a range are read one by one.
func (r *Range) Passes() bool { return r.passes }

// NewUnread counts the answers of one stream.
func NewUnread() *unread { return &unread{less: make(chan struct{}, 1)} }

// Room waits until another answer may be asked for.
func (u *unread) Room(ctx context.Context, n int64) bool { return u.room(ctx, n) }

// Took counts what was read.
func (u *unread) Took(n int64) { u.took(n) }

// Get is get; done is nil where it fails.
func (r *Recent) Get(ctx context.Context, key string, length int64, read func() ([]byte, error)) ([]byte, func(), error) {
	return r.get(ctx, key, length, read)
}

// Held is what is held, and of how many ranges.
func (r *Recent) Held() (bytes int64, ranges int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held, len(r.all)
}

// Users is how many use a range, or wait for it.
func (r *Recent) Users(key string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.all[key]; s != nil {
		return s.users
	}
	return 0
}
