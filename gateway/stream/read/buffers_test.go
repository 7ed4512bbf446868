package read

import "testing"

// What was put is given again where it is large enough, and no more of it is kept than one
// read after the other needs.
func TestBuffersAreUsedAgain(t *testing.T) {
	var b buffers
	first := b.get(100)
	if len(*first) != 100 || cap(*first) != 100 {
		t.Fatalf("%d bytes of %d", len(*first), cap(*first))
	}
	b.put(first)
	if again := b.get(40); again != first || len(*again) != 40 {
		t.Errorf("another buffer of %d bytes", len(*again))
	}
	b.put(first)
	if larger := b.get(101); larger == first || len(*larger) != 101 {
		t.Errorf("%d bytes for 101", len(*larger))
	}
	if len(b.free) != 0 {
		t.Error("a buffer that is too small is kept")
	}
	for range 5 {
		p := make([]byte, 10)
		b.put(&p)
	}
	if len(b.free) != maxFree {
		t.Errorf("%d buffers are kept", len(b.free))
	}
}

// A buffer that two reads gather from goes back when the second is done, whichever that is.
func TestLentBuffersGoBackOnce(t *testing.T) {
	var pool buffers
	own := &lent{buf: pool.get(10)}
	first, second := own.lend(), own.lend()
	first.release(&pool)
	if len(pool.free) != 0 {
		t.Error("it went back while a read gathers from it")
	}
	second.release(&pool)
	if len(pool.free) != 1 || pool.free[0] != own.buf {
		t.Errorf("%d buffers went back", len(pool.free))
	}
	var none *lent // rows that were copied lie in memory of their own
	none.lend().release(&pool)
	if len(pool.free) != 1 {
		t.Error("what was not lent went back")
	}
}
