package serve

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"guichet/cmd/guichet/files"
	"guichet/schemas"
)

// lock takes a gateway's folder, and that of its SQLite file where it lies elsewhere: a
// second gateway there would close the first one's releases and write into its index.
// One that is ending is waited for.
func lock(ctx context.Context, c *Config) (io.Closer, error) {
	folders := []string{filepath.Clean(c.Data)}
	file, sqlite := strings.CutPrefix(c.Database, "sqlite:")
	if sqlite && !slices.Contains(folders, filepath.Dir(file)) {
		folders = append(folders, filepath.Dir(file))
	}
	var held closers
	ctx, stop := context.WithTimeout(ctx, lockWithin)
	defer stop()
	for _, folder := range folders {
		f, err := lockOne(ctx, folder)
		if err != nil {
			return nil, errors.Join(err, held.Close())
		}
		held = append(held, f)
	}
	return held, nil
}

// lockWithin is how long a gateway that ends is waited for.
const lockWithin = 5 * time.Second

// lockOne takes the lock of a folder; the system lets go of it when the process ends,
// however it ends.
func lockOne(ctx context.Context, folder string) (io.Closer, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		f, taken, err := files.TryLock(filepath.Join(folder, "lock"))
		if err == nil {
			return f, nil
		}
		if !taken {
			return nil, &schemas.Error{
				Kind:    schemas.Unavailable,
				Subject: folder,
				Message: "the folder " + folder + " cannot be written",
				Remedy:  "check its owner and the free disk space",
				Err:     err,
			}
		}
		select {
		case <-ctx.Done():
			return nil, &schemas.Error{
				Kind:    schemas.Conflict,
				Subject: folder,
				Message: "another gateway runs on " + folder,
				Remedy:  "stop it first; several gateways beside each other have a folder each and share one PostgreSQL",
				Err:     err,
			}
		case <-tick.C:
		}
	}
}

// closers are closed together.
type closers []io.Closer

// Close closes all of them.
func (cs closers) Close() error {
	var failed error
	for _, c := range cs {
		failed = errors.Join(failed, c.Close())
	}
	return failed
}
