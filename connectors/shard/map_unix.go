//go:build unix

package shard

import (
	"fmt"
	"os"
	"syscall"

	"guichet/connectors/ipc"
)

// mapFile gives the first size bytes of f without taking memory of our own for
// them: a read-only mapping does not count against RLIMIT_DATA.
func mapFile(f *os.File, size int64) ([]byte, func(), error) {
	st, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("look at the object: %w", err)
	}
	if size < 0 || st.Size() < size {
		return nil, nil, ipc.Invalid("the object has %d bytes; %d were expected", st.Size(), size)
	}
	if size == 0 {
		return nil, func() {}, nil
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return readFile(f, size)
	}
	return b, func() { _ = syscall.Munmap(b) }, nil
}
