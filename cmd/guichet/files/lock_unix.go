//go:build unix

package files

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// TryLock takes a file for this process, without waiting; the system frees it when the
// process ends, however it ends. taken says that another one has it.
func TryLock(path string) (f *os.File, taken bool, err error) {
	f, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("open the lock: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		return nil, errors.Is(err, syscall.EWOULDBLOCK), errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f, false, nil
}
