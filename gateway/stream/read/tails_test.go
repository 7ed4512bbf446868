package read_test

import (
	"bytes"
	"testing"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/streamtest"
)

// wide is a table of two shards whose batches have a short column, and 2 MiB of another.
func wide(t testing.TB) *lab {
	t.Helper()
	l := newLab(t, 2048, streamtest.Padded(0, 5000), streamtest.Padded(5000, 3000))
	l.Own.Store(true)
	return l
}

// lengths are how many bytes the ranges are long together, and how many ranges.
func lengths(reads []read.Range) (bytes int64, n int) {
	for i := range reads {
		_, _, length := reads[i].Span()
		bytes += length
	}
	return bytes, len(reads)
}

// Long columns behind those that are shown are not asked for, and the stream is the same; also
// where messages turn out to be compared. All else stays as it was planned.
func TestLongTailsAreLeftOut(t *testing.T) {
	l := wide(t)
	first := l.source(t, nil, "n")
	whole := ranges(t, first, read.MaxRange)
	cut := read.LeaveOut(first, whole)
	if n, reads := lengths(cut); reads != 5 || n > 2<<20 {
		t.Errorf("%d bytes in %d ranges", n, reads)
	}
	want := l.stream(t, first, whole, false)
	for _, own := range []bool{true, false} {
		l.Own.Store(own)
		if got := l.stream(t, first, cut, false); !bytes.Equal(got, want) {
			t.Errorf("own %t: %d bytes came, want %d", own, len(got), len(want))
		}
	}
	for name, s := range map[string]*plan.Source{"raw": l.source(t, nil), "the last column": l.source(t, nil, "pad")} {
		whole := ranges(t, s, read.MaxRange)
		before, n := lengths(whole)
		if after, m := lengths(read.LeaveOut(s, whole)); before != after || m != n {
			t.Errorf("%s: %d bytes in %d ranges, before %d in %d", name, after, m, before, n)
		}
	}
	for i := range l.Split().Shards { // of an old version
		for j := range l.Split().Shards[i].Batches {
			l.Split().Shards[i].Batches[j].Columns = nil
		}
	}
	old := l.source(t, nil, "n")
	if _, n := lengths(read.LeaveOut(old, ranges(t, old, read.MaxRange))); n != 2 {
		t.Errorf("without sizes of columns there are %d ranges", n)
	}
}

// Short tails are read through: another request costs more.
func TestShortTailsAreReadThrough(t *testing.T) {
	l := newLab(t, 64, streamtest.Padded(0, 1000))
	s := l.source(t, nil, "n")
	whole := ranges(t, s, read.MaxRange)
	n, _ := lengths(whole)
	cut := read.LeaveOut(s, whole)
	if after, m := lengths(cut); m != 1 || after != n {
		t.Errorf("%d of %d bytes in %d ranges", after, n, m)
	}
	if !bytes.Equal(l.stream(t, s, whole, false), l.stream(t, s, cut, false)) {
		t.Error("the streams differ")
	}
}
