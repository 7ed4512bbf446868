package publish

import (
	"context"
	"os"

	"guichet/connectors/sandbox"
)

// Reader reads the objects of one publication, each whole, in processes of its own.
type Reader interface {
	Conform(ctx context.Context, in *os.File, size int64, spec sandbox.Spec, out *os.File) (sandbox.Report, error)
	Close() // ends the processes
}
