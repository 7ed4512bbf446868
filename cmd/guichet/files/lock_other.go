//go:build !unix

package files

import (
	"fmt"
	"os"
)

// TryLock only makes the file where the system has no lock that ends with a process.
func TryLock(path string) (f *os.File, taken bool, err error) {
	f, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("open the lock: %w", err)
	}
	return f, false, nil
}
