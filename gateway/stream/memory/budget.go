package memory

import (
	"context"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"guichet/schemas"
)

// defaultMemory is what all streams hold together: 64 streams of the largest reads,
// and as many of their reads ahead.
const defaultMemory = 1 << 30

// Patience is how long a stream waits for others to end where there is no room for it: the
// short ones of a job that begins on a thousand nodes end within it.
const Patience = 30 * time.Second

// maxWaiting bounds how many streams wait at once.
const maxWaiting = 16384

// Budget bounds the bytes that all streams hold of the stores'. Half of it is for one
// read of each stream, so that it goes on whatever the others do; with that the number
// of streams is bounded too, and who comes later waits. The other half is for reading ahead,
// which is not done while others hold all of it: nobody waits for it. A client that does not
// read keeps its stream's own read; so that one organisation's cannot close the gateway to
// all, its streams get no more than three quarters. Safe for concurrent use.
type Budget struct {
	half       int64
	mu         sync.Mutex
	guaranteed int64
	of         map[schemas.ParticipantID]int64 // of own
	waiting    []*waiting                      // in the order in which they came
	ahead      int64
	peak       int64 // of own, since memory was last given back
	soon       bool  // it will be looked at again
	give       func()
}

// The memory of a burst of streams goes back to the system when it is over: by itself
// the runtime keeps it for minutes.
const (
	burst     = 64 << 20
	afterward = 2 * time.Second
)

// giveBackMemory gives memory back when less than half of what was held still is, and stays so for a
// moment. It is called with mu held.
func (m *Budget) giveBackMemory() {
	m.peak = max(m.peak, m.guaranteed)
	if m.soon || m.give == nil || m.peak < burst || m.guaranteed > m.peak/2 {
		return
	}
	m.soon = true
	time.AfterFunc(afterward, func() {
		m.mu.Lock()
		over := m.guaranteed <= m.peak/2
		m.soon = false
		if over {
			m.peak = m.guaranteed
		}
		m.mu.Unlock()
		if over {
			m.give()
		}
	})
}

// ForAhead is what there is for reading ahead, in bytes.
func (m *Budget) ForAhead() int64 { return m.half }

// NewBudget bounds so many bytes; defaultMemory where they are 0.
func NewBudget(memory int64) *Budget {
	if memory == 0 {
		memory = defaultMemory
	}
	return &Budget{half: memory / 2, of: map[schemas.ParticipantID]int64{}, give: debug.FreeOSMemory}
}

// Tight says that streams should ask for no more than a batch at a time, so that
// there is room for many.
func (m *Budget) Tight() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.guaranteed > m.half/2
}

// waiting is a stream that there is no room for yet.
type waiting struct {
	who      schemas.ParticipantID
	n        int64
	admitted chan struct{}
}

// Admit takes the bytes of a stream's own read. Where there is no room it waits until others
// leave, each organisation's streams in the order in which they came. A stream that is alone is
// always admitted. Errors: ctx's; Busy, which says whose streams there are too many of.
func (m *Budget) Admit(ctx context.Context, who schemas.ParticipantID, n int64) error {
	w := m.queue(who, n)
	if w == nil {
		return m.busy(who, n)
	}
	select {
	case <-w.admitted: // at once, as nearly all are
		return nil
	default:
	}
	patience := time.NewTimer(Patience)
	defer patience.Stop()
	select {
	case <-w.admitted:
		return nil
	case <-ctx.Done():
	case <-patience.C:
	}
	switch {
	case !m.unqueue(w):
		return nil // at the last moment
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return m.busy(who, n)
}

// queue puts a stream behind those that wait, and lets it in where there is room; nil where too
// many wait.
func (m *Budget) queue(who schemas.ParticipantID, n int64) *waiting {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.waiting) >= maxWaiting {
		return nil
	}
	w := &waiting{who, n, make(chan struct{})}
	m.waiting = append(m.waiting, w)
	m.admit()
	return w
}

// unqueue takes back a stream that waits no longer; false: it was let in meanwhile.
func (m *Budget) unqueue(w *waiting) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.Index(m.waiting, w)
	if i < 0 {
		return false
	}
	m.waiting = slices.Delete(m.waiting, i, i+1)
	m.admit() // smaller ones came after it
	return true
}

func (m *Budget) busy(who schemas.ParticipantID, n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := &schemas.Error{
		Kind:    schemas.Busy,
		Subject: "stream",
		Message: "the gateway has as many streams as its memory allows",
		Remedy:  "try again in a moment; the operator can give it more with the setting memory",
	}
	if !m.mayHold(who, n) {
		err.Message = "your organisation's streams hold as much of the gateway's memory as one may"
	}
	return err
}

// mayHold says whether an organisation's streams may have n bytes more.
func (m *Budget) mayHold(who schemas.ParticipantID, n int64) bool {
	return m.of[who] == 0 || m.of[who]+n <= m.half-m.half/4
}

// admit lets in who waits as far as there is room. One for whom there is none lets nobody
// pass; one whose organisation has its share lets the others pass. It is called with mu held.
func (m *Budget) admit() {
	left, passed := m.waiting[:0], map[schemas.ParticipantID]bool{}
	for i, w := range m.waiting {
		if m.guaranteed > 0 && m.guaranteed+w.n > m.half && !passed[w.who] && m.mayHold(w.who, w.n) {
			left = append(left, m.waiting[i:]...)
			break
		}
		if passed[w.who] || !m.mayHold(w.who, w.n) {
			passed[w.who] = true
			left = append(left, w)
			continue
		}
		m.guaranteed += w.n
		m.of[w.who] += w.n
		close(w.admitted)
	}
	clear(m.waiting[len(left):])
	m.waiting = left
	m.giveBackMemory()
}

// Leave gives back what Admit took.
func (m *Budget) Leave(who schemas.ParticipantID, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.guaranteed -= n
	m.of[who] -= n
	if m.of[who] == 0 {
		delete(m.of, who)
	}
	m.admit()
}

// TryAhead takes the bytes of one read ahead, if there are any.
func (m *Budget) TryAhead(n int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ahead+n > m.half {
		return false
	}
	m.ahead += n
	return true
}

// Ahead takes them whatever others hold.
func (m *Budget) Ahead(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ahead += n
}

func (m *Budget) EndAhead(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ahead -= n
}

// Held is what streams hold now, in bytes: of their own ranges, and ahead of them.
func (m *Budget) Held() (own, ahead int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.guaranteed, m.ahead
}

// Waiting is how many streams wait for room.
func (m *Budget) Waiting() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.waiting)
}
