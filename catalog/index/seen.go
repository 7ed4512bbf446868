package index

import (
	"sync"

	"guichet/catalog/index/document"
	"guichet/catalog/index/segment"
)

// seen is what searches see: one state of both indexes at a time.
type seen struct {
	making sync.Mutex // held while a state is made, which searches do not wait for
	made   int        // values that had a number when they were numbered last
	values *segment.Values
	public *segment.Views
	closed *segment.Views

	mu  sync.Mutex
	now *state // nil: the next search makes one
}

// state is one state of both indexes.
type state struct {
	public, closed *segment.View
	values         *segment.Values
}

// release gives both back.
func (s *state) release() {
	s.public.Release()
	s.closed.Release()
}

// hold gives the state that searches see now; the caller releases it. x.mu is held.
func (x *Index) hold() (*state, error) {
	for {
		x.seen.mu.Lock()
		s := x.seen.now
		if s != nil {
			s.public.Hold()
			s.closed.Hold()
		}
		x.seen.mu.Unlock()
		if s != nil {
			return s, nil
		}
		err := x.refresh()
		if err != nil {
			return nil, err
		}
	}
}

// manyValues is how many values may have lost their last dataset before all are numbered
// anew, which reads every segment again.
const manyValues = 50_000

// refresh lets searches see both indexes as they are now. It makes what they need before
// they see it, so that none waits for segments that came or were merged. x.mu is held.
func (x *Index) refresh() error {
	w := &x.seen
	w.making.Lock()
	defer w.making.Unlock()
	if w.values == nil || w.values.Len() > 2*w.made+manyValues {
		w.values = segment.NewValues(document.Fields(x.maker))
		w.public, w.closed = segment.NewViews(x.public.b, w.values), segment.NewViews(x.closed.b, w.values)
		w.made = 0
	}
	w.mu.Lock()
	last := w.now
	w.mu.Unlock()
	var lastPublic, lastClosed *segment.View
	if last != nil && last.values == w.values {
		lastPublic, lastClosed = last.public, last.closed
	}
	public, err := w.public.Next(lastPublic)
	if err != nil {
		return err
	}
	closed, err := w.closed.Next(lastClosed)
	if err != nil {
		if public != lastPublic {
			public.Release()
		}
		return err
	}
	if w.made == 0 {
		w.made = w.values.Len()
	}
	w.mu.Lock()
	w.now = &state{public, closed, w.values}
	w.mu.Unlock()
	if last != nil && last.public != public {
		last.public.Release()
	}
	if last != nil && last.closed != closed {
		last.closed.Release()
	}
	return nil
}

// show lets searches see what was written. While the index is built nobody searches, and
// what they need is made once it is whole. x.mu is held.
func (x *Index) show() error {
	if !x.ready.Load() {
		return nil
	}
	err := x.refresh()
	if err != nil {
		return x.damaged(err)
	}
	return nil
}

// merged lets searches see the segments that Bleve made of others: they hold the same, and
// what they were made of can go.
func (x *Index) merged() error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	err := x.refresh()
	if err != nil {
		return x.damaged(err)
	}
	return nil
}

// forget lets go of both indexes, which are closed. x.mu is held for writing.
func (x *Index) forget() {
	w := &x.seen
	w.making.Lock()
	defer w.making.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now != nil {
		w.now.release()
	}
	w.now, w.values, w.public, w.closed = nil, nil, nil, nil
}
