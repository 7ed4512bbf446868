package file

import (
	"math/rand/v2"
	"sync"
	"testing"

	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// A size that only making a file tells is that of its bytes. Nothing but the size is kept, and it
// is found once, however many ask.
func TestMeasure(t *testing.T) {
	l := newLab(t, 16, streamtest.People(rand.New(rand.NewPCG(1, 7)), 500), streamtest.People(rand.New(rand.NewPCG(1, 8)), 3))
	for name, duties := range map[string][]schemas.Duty{
		"pseudonymised": {streamtest.Pseudonymise("name")},
		"filtered":      {streamtest.Filter("n", "gteq", "0")},
		"both":          {streamtest.Filter("n", "gteq", "0"), streamtest.Pseudonymise("name")},
		"hidden":        {streamtest.Hide("name")},
	} {
		s := l.source(t, duties)
		for n := range s.NumShards() {
			var wg sync.WaitGroup
			sizes := make([]int64, 4)
			for i := range sizes {
				wg.Go(func() {
					f, err := l.Measure(t.Context(), s, n, "who")
					if err != nil {
						t.Error(err)
						return
					}
					sizes[i] = f.Size
				})
			}
			wg.Wait()
			if len(l.cache.byTag) != 0 {
				t.Errorf("%s: %d files are kept", name, len(l.cache.byTag))
			}
			before := l.Gets.Load()
			f, err := l.Measure(t.Context(), s, n, "who")
			streamtest.Must(t, err)
			if l.Gets.Load() != before {
				t.Errorf("%s: a known size was found again", name)
			}
			look, err := l.Look(s, n)
			streamtest.Must(t, err)
			whole := int64(len(l.bytes(t, s, n)))
			for _, size := range append(sizes, f.Size, look.Size) {
				if size != whole {
					t.Errorf("%s, shard %d: measured are %d bytes, and %d came", name, n, size, whole)
				}
			}
			l.cache.close()
			l.cache = newFileCache(l.Table.Open, l.life, t.TempDir())
		}
	}
}
