package read_test

import (
	"bytes"
	"context"
	"math"
	"net/http"
	"sync"
	"testing"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// joined are views whose batches are read whole: they are edited, gathered, or cut.
func joined(t testing.TB, l *lab) map[string]*plan.Source {
	t.Helper()
	return map[string]*plan.Source{
		"edited":          l.source(t, []schemas.Duty{streamtest.Pseudonymise("name")}),
		"edited, few":     l.source(t, []schemas.Duty{streamtest.Pseudonymise("name")}, "name", "many", "ok"),
		"coarser":         l.source(t, []schemas.Duty{{Kind: schemas.DutyGeneralise, Columns: []string{"name"}, To: "first:1"}}, "n", "name"),
		"edited, coded":   l.source(t, []schemas.Duty{streamtest.Pseudonymise("kind"), streamtest.Hide("secret")}),
		"filtered":        l.source(t, []schemas.Duty{streamtest.Filter("n", "lt", "90")}),
		"filtered, few":   l.source(t, []schemas.Duty{streamtest.Filter("n", "lt", "4")}),
		"filtered, coded": l.source(t, []schemas.Duty{streamtest.Filter("n", "lt", "50"), streamtest.Pseudonymise("region")}, "region", "n"),
	}
}

// However many ranges of a shard are read whole, the store is asked for them once, for the
// object as it is where nearly all of it is wanted; and the stream is that of ranges which are
// each asked for.
func TestAShardIsAskedForOnce(t *testing.T) {
	l := people(t, 400, 300)
	streams := map[string][]byte{} // from a store that is compared they come another way
	for _, own := range []bool{true, false} {
		l.Own.Store(own)
		for name, s := range joined(t, l) {
			for _, most := range []int64{0, 4 << 10, read.MaxRange} {
				var mu sync.Mutex
				parts := ""
				l.OnGet = func(_ int64, r *http.Request) {
					mu.Lock()
					defer mu.Unlock()
					parts += r.Header.Get("Range") + ";"
				}
				got := l.stream(t, s, ranges(t, s, most), false)
				mu.Lock()
				asked := len(bytes.Split([]byte(parts), []byte(";"))) - 1
				mu.Unlock()
				if want := 2 * (1 + len(s.View.Needed)); asked != want {
					t.Errorf("%s, own %t, ranges of %d bytes: %d requests, want %d: %s", name, own, most, asked, want, parts)
				}
				l.OnGet = nil
				if want := l.stream(t, s, read.Apart(ranges(t, s, most)), false); !bytes.Equal(got, want) {
					t.Errorf("%s, own %t, ranges of %d bytes: other bytes come of one answer", name, own, most)
				}
				if want := streams[name]; want != nil && !bytes.Equal(got, want) {
					t.Errorf("%s, own %t, ranges of %d bytes: other bytes", name, own, most)
				}
				streams[name] = got
			}
		}
	}
}

// What lies between two ranges and is not wanted is dropped where it is short; where it is
// long it is not asked for.
func TestAnswersEndBeforeLongGaps(t *testing.T) {
	l := newLab(t, 256, streamtest.Padded(0, 8192)) // 32 batches of 256 KiB
	l.Own.Store(true)
	outside := func(from, to string) []schemas.Duty {
		return []schemas.Duty{{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Or: []schemas.Filter{
			{Column: "n", Op: "lt", Values: []string{from}}, {Column: "n", Op: "gteq", Values: []string{to}}}}}}
	}
	for name, want := range map[string]struct {
		duties []schemas.Duty
		gets   int64
		rows   int
	}{"two batches between": {outside("1024", "1536"), 1, 8192 - 512}, "eight": {outside("1024", "3072"), 2, 8192 - 2048}} {
		s := l.source(t, want.duties)
		reads := ranges(t, s, read.MaxRange)
		l.Gets.Store(0)
		rows := streamtest.Rows(t, l.stream(t, s, reads, false))
		if gets := l.Gets.Load(); gets != want.gets || len(rows) != want.rows || len(reads) < 2 {
			t.Errorf("%s: %d requests for %d ranges, %d rows", name, gets, len(reads), len(rows))
		}
	}
}

// A stream that is given up in the middle of an answer ends it at the store.
func TestAbandonedAnswersEnd(t *testing.T) {
	const rows = 64 << 10 // 64 MiB: more than sockets hold
	l := newLab(t, 2048, streamtest.Padded(0, rows))
	for _, own := range []bool{true, false} {
		l.Own.Store(own)
		s := l.source(t, []schemas.Duty{{Kind: schemas.DutyGeneralise, Columns: []string{"n"}, To: "10"}})
		asked := make(chan context.Context, 1)
		l.OnGet = func(_ int64, r *http.Request) { asked <- r.Context() }
		ctx, cancel := context.WithCancel(t.Context())
		res := read.NewReader(s, l.Open, false).Fetch(ctx, ranges(t, s, 0)[0], true)
		streamtest.Must(t, res.Err)
		at := <-asked
		if at.Err() != nil {
			t.Fatal("the answer has ended already")
		}
		cancel()
		<-at.Done() // the test's time is over where it does not end
	}
}

// Where a range is not as it was published, or the store fails, those after it end too.
func TestRangesAfterAFailureEnd(t *testing.T) {
	l := people(t, 400)
	l.Own.Store(false)
	s := l.source(t, []schemas.Duty{streamtest.Pseudonymise("name")})
	reads := ranges(t, s, 0)
	b := l.Split().Shards[0].Batches[1]
	l.Objects["0.arrow"][b.Offset+b.Len()/2] ^= 1
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rd, n := read.NewReader(s, l.Open, false), 0
	for res := range read.Pipeline(ctx, l.budget, rd, reads, 0) {
		n++
		res.Release()
		if wrong := n == 2; (schemas.KindOf(res.Err) == schemas.Gone) != wrong || n == 1 && res.Err != nil {
			t.Errorf("range %d: %v", n, res.Err)
		}
		if res.Err != nil {
			break
		}
	}
	if n != 2 {
		t.Errorf("it ended at range %d", n)
	}
	l.Gone.Store(true)
	reads = ranges(t, s, 0)
	for i := range 3 {
		res := rd.Fetch(ctx, reads[i], i == 0)
		if kind := schemas.KindOf(res.Err); kind != schemas.Gone {
			t.Errorf("range %d of an object that is gone: %v", i, res.Err)
		}
	}
	late, stop := context.WithCancel(ctx)
	stop()
	if res := rd.Fetch(late, ranges(t, s, math.MaxInt64)[0], true); res.Err == nil {
		t.Error("a stream that is over reads")
	}
	if res := rd.Fetch(late, ranges(t, s, 0)[1], false); res.Err == nil {
		t.Error("a stream that is over waits for its turn")
	}
}
