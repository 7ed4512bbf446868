package publish

import (
	"context"
	"os"

	"guichet/connectors/shard"
)

// Reader reads the objects of one publication, each whole, in processes of its own.
type Reader interface {
	Conform(ctx context.Context, in *os.File, size int64, spec shard.Spec, out *os.File) (shard.Report, error)
	Close() // ends the processes
}
