//go:build linux || darwin

package disk

import (
	"cmp"
	"errors"
	"os"
	"syscall"
)

// disk gives the free bytes and the size of the disk that a folder lies on.
func disk(dir string) (free, size int64, known bool) {
	var s syscall.Statfs_t
	err := syscall.Statfs(cmp.Or(dir, os.TempDir()), &s)
	return int64(s.Bavail) * int64(s.Bsize), int64(s.Blocks) * int64(s.Bsize), err == nil
}

// Full says whether an error is that a disk, or what may be used of it, is full.
func Full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
