package read

import (
	"testing"

	"guichet/gateway/stream/memory"
)

// A buffer that two reads gather from goes back when the second is done, whichever that is.
func TestLentBuffersGoBackOnce(t *testing.T) {
	var pool memory.Buffers
	own := &lent{buf: pool.Get(10)}
	first, second := lend([]*lent{own}), lend([]*lent{own})
	first[0].release(&pool)
	if again := pool.Get(10); again == own.buf {
		t.Error("it went back while a read gathers from it")
	}
	second[0].release(&pool)
	if again := pool.Get(10); again != own.buf {
		t.Error("it did not go back")
	}
}
