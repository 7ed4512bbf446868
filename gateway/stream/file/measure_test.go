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
					tag, size, err := l.Measure(t.Context(), s, n, "who")
					if err != nil || tag != tagOf(s, n) {
						t.Errorf("the file %s: %v", tag, err)
					}
					sizes[i] = size
				})
			}
			wg.Wait()
			if len(l.cache.byTag) != 0 {
				t.Errorf("%s: %d files are kept", name, len(l.cache.byTag))
			}
			before := l.Gets.Load()
			_, again, err := l.Measure(t.Context(), s, n, "who")
			streamtest.Must(t, err)
			if l.Gets.Load() != before {
				t.Errorf("%s: a known size was found again", name)
			}
			look, err := l.Look(s, n)
			streamtest.Must(t, err)
			whole := int64(len(l.bytes(t, s, n)))
			for _, size := range append(sizes, again, look.Size) {
				if size != whole {
					t.Errorf("%s, shard %d: measured are %d bytes, and %d came", name, n, size, whole)
				}
			}
			l.cache.close()
			l.cache = newFileCache(l.Table.Open, l.life, t.TempDir())
		}
	}
}

// A shard that a view changes is measured whatever it has, so that a list of a bucket names it;
// who asks for its bytes hears that it is too large.
func TestFilesBeyondTheBoundAreMeasured(t *testing.T) {
	l := newLab(t, 16, streamtest.People(rand.New(rand.NewPCG(1, 7)), 500))
	s := l.source(t, []schemas.Duty{streamtest.Pseudonymise("name")})
	_, size, err := l.Measure(t.Context(), s, 0, "who")
	streamtest.Must(t, err)
	for _, most := range []int64{size / 2, size} {
		l.cache = newFileCache(l.Table.Open, l.life, t.TempDir())
		l.cache.most = most
		f, err := l.Files.Open(t.Context(), s, 0, "who")
		if most < size && schemas.KindOf(err) != schemas.TooLarge || most == size && err != nil {
			t.Errorf("of %d bytes, with a bound of %d: %v", size, most, err)
		}
		if err == nil {
			f.Close()
		}
		_, again, err := l.Measure(t.Context(), s, 0, "who")
		if err != nil || again != size {
			t.Errorf("with a bound of %d there are %d bytes, without one %d: %v", most, again, size, err)
		}
		l.cache.close()
	}
	for _, n := range []int{-1, 1} {
		if _, _, err := l.Measure(t.Context(), s, n, "who"); schemas.KindOf(err) != schemas.NotFound {
			t.Errorf("shard %d: %v", n, err)
		}
	}
}

// BenchmarkMeasure is a list's look at a raw shard whose size is known.
func BenchmarkMeasure(b *testing.B) {
	l := newLab(b, 16, streamtest.People(rand.New(rand.NewPCG(1, 7)), 5000))
	s := l.source(b, nil)
	for b.Loop() {
		if _, _, err := l.Measure(b.Context(), s, 0, "who"); err != nil {
			b.Fatal(err)
		}
	}
}
