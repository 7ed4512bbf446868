//go:build linux || darwin

package catalog

import (
	"cmp"
	"os"
	"syscall"
)

// freeBytes is how much a folder's disk has left for us; false where that is not known.
func freeBytes(dir string) (int64, bool) {
	var s syscall.Statfs_t
	err := syscall.Statfs(cmp.Or(dir, os.TempDir()), &s)
	return int64(s.Bavail) * int64(s.Bsize), err == nil
}
