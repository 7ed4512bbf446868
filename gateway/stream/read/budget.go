package read

import (
	"runtime/debug"
	"sync"
	"time"

	"guichet/schemas"
)

// defaultMemory is what all streams hold together: 64 streams of the largest reads,
// and as many of their reads ahead.
const defaultMemory = 1 << 30

// Budget bounds the bytes that all streams hold of the stores'. Half of it is for one
// read of each stream, so that it goes on whatever the others do; with that the number
// of streams is bounded too. The other half is for reading ahead, which is not done
// while others hold all of it: nobody waits for it. A client that does not read keeps
// its stream's own read; so that one organisation's cannot close the gateway to all,
// its streams get no more than three quarters. Safe for concurrent use.
type Budget struct {
	half       int64
	mu         sync.Mutex
	guaranteed int64
	of         map[schemas.ParticipantID]int64 // of own
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

// Admit takes the bytes of a stream's own read. A stream that is alone is always
// admitted.
func (m *Budget) Admit(who schemas.ParticipantID, n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	busy := &schemas.Error{
		Kind:    schemas.Busy,
		Subject: "stream",
		Message: "the gateway has as many streams as its memory allows",
		Remedy:  "try again in a moment; the operator can give it more with the setting memory",
	}
	switch {
	case m.of[who] > 0 && m.of[who]+n > m.half-m.half/4:
		busy.Message = "your organisation's streams hold as much of the gateway's memory as one may"
		return busy
	case m.guaranteed > 0 && m.guaranteed+n > m.half:
		return busy
	}
	m.guaranteed += n
	m.of[who] += n
	m.giveBackMemory()
	return nil
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
	m.giveBackMemory()
}

// tryReadAhead takes the bytes of one read ahead, if there are any.
func (m *Budget) tryReadAhead(n int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ahead+n > m.half {
		return false
	}
	m.ahead += n
	return true
}

func (m *Budget) endReadAhead(n int64) {
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
