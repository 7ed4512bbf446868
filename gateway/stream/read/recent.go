package read

import (
	"fmt"

	"github.com/maypok86/otter/v2"

	"guichet/schemas"
)

// Recent are the bytes of batches from which windows that are smaller than they take their
// rows, one after the other: without it each window would read its whole batch again. They are
// shared by all streams, compared like all that is read, and never changed. Safe for
// concurrent use.
type Recent struct{ cache *otter.Cache[string, []byte] }

// maxRecent bounds their bytes: a table of that size is read once, whatever its windows.
const maxRecent = 64 << 20

// NewRecent keeps at most an eighth of the memory that streams may have; 0 is the default.
func NewRecent(memory int64) *Recent {
	if memory == 0 {
		memory = defaultMemory
	}
	return &Recent{otter.Must(&otter.Options[string, []byte]{
		MaximumWeight: uint64(min(maxRecent, memory/8)),
		Weigher:       func(_ string, b []byte) uint32 { return uint32(len(b)) },
	})}
}

// key names a range of a shard, as a store gives it that the operator answers for or not.
func (rd *Range) key(sh *schemas.Shard, own bool) string {
	return fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%d\x00%d\x00%t", sh.Store, sh.Bucket, sh.Key, sh.ETag, rd.offset, rd.length, own)
}
