package memory

import "testing"

// What was put is given again where it is large enough, and no more of it is kept than one
// read after the other needs.
func TestBuffersAreUsedAgain(t *testing.T) {
	var b Buffers
	first := b.Get(100)
	if len(*first) != 100 || cap(*first) != 100 {
		t.Fatalf("%d bytes of %d", len(*first), cap(*first))
	}
	b.Put(first)
	if again := b.Get(40); again != first || len(*again) != 40 {
		t.Errorf("another buffer of %d bytes", len(*again))
	}
	b.Put(first)
	if larger := b.Get(101); larger == first || len(*larger) != 101 {
		t.Errorf("%d bytes for 101", len(*larger))
	}
	if len(b.free) != 0 {
		t.Error("a buffer that is too small is kept")
	}
	for range 5 {
		p := make([]byte, 10)
		b.Put(&p)
	}
	if len(b.free) != maxFree {
		t.Errorf("%d buffers are kept", len(b.free))
	}
}
