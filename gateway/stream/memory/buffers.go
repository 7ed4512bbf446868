package memory

import "sync"

// Buffers are memory of one stream that is used again: what a read needs, the one before it
// had. Memory that the runtime takes back and gives anew costs as much as copying into it,
// and what a sync.Pool holds it takes back with each second collection. Safe for concurrent
// use.
type Buffers struct {
	mu   sync.Mutex
	most int64 // that was asked for: each is as large, so that it will do for the next
	free []*[]byte
}

// maxFree is how many lie there unused at most: while a stream reads ahead one read's are
// put as the next one's are taken, and the others should not be held beyond what is counted.
const maxFree = 2

// Get gives n bytes that may hold anything.
func (b *Buffers) Get(n int64) *[]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, p := range b.free {
		if int64(cap(*p)) >= n {
			b.free = append(b.free[:i], b.free[i+1:]...)
			*p = (*p)[:n]
			return p
		}
	}
	if len(b.free) > 0 { // too small, as it was for this one
		b.free = b.free[1:]
	}
	b.most = max(b.most, n)
	p := make([]byte, n, b.most)
	return &p
}

// Put gives memory back to whoever reads next.
func (b *Buffers) Put(p *[]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.free) < maxFree {
		b.free = append(b.free, p)
	}
}
