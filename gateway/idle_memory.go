package gateway

import (
	"context"
	"net/http"
	"runtime/debug"
	sample "runtime/metrics"
	"sync/atomic"
	"time"
)

// unused is how much memory must lie idle before it is worth a collection, in bytes.
// What is less stays until the runtime's own collection, two minutes later.
const unused = 32 << 20

// crew counts requests that are being answered, so that memory which many of them
// took is given back to the machine when they are gone: the runtime alone would keep
// it for minutes.
type crew struct{ busy atomic.Int64 }

// count wraps a handler.
func (w *crew) count(h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.busy.Add(1)
		defer w.busy.Add(-1)
		h.ServeHTTP(rw, r)
	})
}

// giveBack collects and returns memory within seconds of when half of the requests
// that needed it are gone, until ctx ends.
func (w *crew) giveBack(ctx context.Context) error {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	most, under := w.busy.Load(), int64(0) // requests at once since the last collection, and at it
	floor := held()                        // after the last collection
	low := floor                           // after any
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now, have := w.busy.Load(), held()
		most, floor = max(most, now), min(floor, have)
		from := floor
		if under > 0 && now <= under/2 { // what was in use at the last collection may be garbage by now
			from = low
		}
		if now > most/2 || have < from+max(unused, from/2) || time.Since(last) < 8*time.Second { // a collection costs too
			continue
		}
		debug.FreeOSMemory()
		most, under, floor, last = now, now, held(), time.Now()
		low = min(low, floor)
	}
}

// held is what the heap has of the machine's memory, in bytes.
func held() uint64 {
	s := []sample.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	sample.Read(s)
	var n uint64
	for _, one := range s {
		n += one.Value.Uint64()
	}
	return n
}
