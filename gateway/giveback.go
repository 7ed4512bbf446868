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
const unused = 64 << 20

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
	most, floor := w.busy.Load(), held()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now, have := w.busy.Load(), held()
		most = max(most, now)
		floor = min(floor, have)
		if have < floor+unused || now > most/2 {
			continue
		}
		debug.FreeOSMemory()
		most, floor = now, held()
	}
}

// held is what the heap has of the machine's memory, in bytes.
func held() uint64 {
	s := []sample.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	sample.Read(s)
	var n uint64
	for _, one := range s {
		n += one.Value.Uint64()
	}
	return n
}
