package read_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/gateway/stream/read"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// windows gives the rows of an epoch by a seed, and how often the store was asked.
func (l *lab) windows(t *testing.T, duties []schemas.Duty, recent *read.Recent) (rows []string, asked int64) {
	t.Helper()
	s := l.source(t, duties)
	p := seeded(t, s, 9, 1, 0)
	rd := read.NewReader(p.Source, l.Open, false)
	rd.Recent = recent
	l.Gets.Store(0)
	out := append([]byte(nil), s.Schema()...)
	for i, one := range planned(p, read.MaxRange) {
		res := rd.Fetch(t.Context(), one, i == 0)
		for m, err := range res.Each(false) {
			streamtest.Must(t, err)
			out = append(out, m.Bytes...)
		}
		rd.Recycle(res)
	}
	return streamtest.Rows(t, out), l.Gets.Load()
}

// Batches that many windows take rows from are read once while there is room for them, by
// whichever stream; the rows are those that they would be, and an object that was published
// anew, or whose store is another's now, is read again.
func TestBatchesOfSmallWindowsAreReadOnce(t *testing.T) {
	l := newLab(t, 4096, streamtest.Numbers(40_960))
	batches := int64(len(l.Split().Shards[0].Batches))
	for name, duties := range map[string][]schemas.Duty{"raw": nil, "pseudonymised": {streamtest.Pseudonymise("n")}} {
		t.Run(name, func(t *testing.T) {
			want, often := l.windows(t, duties, nil)
			if often < 4*batches || len(want) != 40_960 {
				t.Fatalf("%d rows of %d batches by %d requests: the windows are not small", len(want), batches, often)
			}
			recent := read.NewRecent(0)
			for i, most := range []int64{batches, 0} {
				got, asked := l.windows(t, duties, recent)
				if diff := cmp.Diff(want, got); diff != "" || asked > most {
					t.Errorf("reading %d: %d requests, at most %d; other rows:\n%s", i, asked, most, diff)
				}
			}
			l.Own.Store(!l.Own.Load())
			if _, asked := l.windows(t, duties, recent); asked != batches {
				t.Errorf("of a store that is another's now: %d requests", asked)
			}
			if _, asked := l.windows(t, duties, read.NewRecent(8)); asked < often/2 { // what is over goes a moment later
				t.Errorf("without room: %d requests instead of %d", asked, often)
			}
		})
	}
}
