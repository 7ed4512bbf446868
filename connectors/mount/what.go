package mount

import (
	"context"
	"fmt"
	"io"

	"guichet/connectors/client"
	"guichet/schemas"
)

// What says what is mounted.
type What struct {
	Source Source
	Tell   func(text string) // of what a program sees as an error number only, in the gateway's words; each once
}

// Source is where the files of a mount come from: a gateway (client.Files), or a staged copy.
// Errors are schemas.Error where it refuses: what was refused once is refused from then on.
type Source interface {
	// Manifest says which files there are.
	Manifest(ctx context.Context) (schemas.Manifest, error)
	// Stat fills in the size of a file, and what keeps it the same one (ETag).
	Stat(ctx context.Context, f *client.File) error
	// Range opens n bytes of a file from from on, of the very file that Stat saw.
	Range(ctx context.Context, f *client.File, from, n int64) (io.ReadCloser, error)
	// Standing says whether it may be read still; it is asked from time to time.
	Standing(ctx context.Context) error
}

// notHere says that this machine mounts nothing.
func notHere(dir string, err error) error {
	return &schemas.Error{
		Kind: schemas.Unavailable, Subject: dir, Err: err, Message: fmt.Sprintf("nothing can be mounted on this machine: %v", err),
		Remedy: "mounting needs /dev/fuse, and fusermount3 unless root does it; where they are not to be had, read the same files " +
			"by HTTP, guichet exec --http, or the rows as a stream, guichet stream; guichet stage keeps them beside the job",
	}
}
