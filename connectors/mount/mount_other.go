//go:build !linux && !darwin && !freebsd

package mount

import (
	"context"
	"errors"
)

// Mounted is nothing on this system.
type Mounted struct{}

// Mount fails: this system has no FUSE.
func Mount(_ context.Context, dir string, _ What) (*Mounted, error) {
	return nil, notHere(dir, errors.New("it has no FUSE"))
}

// Wait returns at once.
func (*Mounted) Wait() {}

// Rows counts nothing.
func (*Mounted) Rows() (rows int64, files int) { return 0, 0 }

// Unmount does nothing.
func (*Mounted) Unmount() error { return nil }
