package mount

import (
	"fmt"

	"guichet/connectors/client"
	"guichet/schemas"
)

// What says what is mounted.
type What struct {
	Client    *client.Client // as whoever leases
	Agreement schemas.AgreementID
	Run       schemas.RunID
	Version   schemas.VersionID
	Table     string            // the only one that is shown; all when empty
	Columns   string            // separated by commas; all when empty
	Tell      func(text string) // of what a program sees as an error number only, in the gateway's words; each once
}

// notHere says that this machine mounts nothing.
func notHere(dir string, err error) error {
	return &schemas.Error{
		Kind: schemas.Unavailable, Subject: dir, Err: err, Message: fmt.Sprintf("nothing can be mounted on this machine: %v", err),
		Remedy: "mounting needs /dev/fuse, and fusermount3 unless root does it; where they are not to be had, read the same data " +
			"as a stream: guichet stream",
	}
}
