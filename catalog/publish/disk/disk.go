// Package disk keeps the disk for temporary files from being filled by what is published.
//
// In: a folder, sizes. Out: files without names, and refusals that say how much room there is.
// Always: what such a file holds is gone when it is closed. It must not know what is written.
package disk

import (
	"fmt"
	"os"

	"guichet/schemas"
)

// spare is what a copy of an object leaves free on the disk, or a twentieth of a small
// one: the registry and the index may lie there.
const spare = 256 << 20

// Fits refuses an object that the disk of a folder for temporary files has no room for.
func Fits(dir, key string, size int64) error {
	free, all, known := disk(dir)
	if !known || free-min(spare, all/20) >= size {
		return nil
	}
	return NoRoom(dir, key, size, nil)
}

// NoRoom says what an object needs of the disk for temporary files: its own size and that
// of what is written of it, which is larger where the object is packed.
func NoRoom(dir, key string, size int64, cause error) error {
	message := fmt.Sprintf(
		"there is no room in the gateway's temporary folder for %s: it needs %d bytes for the object and about as many for what is written "+
			"of it, more where the object is packed",
		key,
		size,
	)
	if free, _, known := disk(dir); known {
		message += fmt.Sprintf("; %d are free", free)
	}
	return &schemas.Error{Kind: schemas.Unavailable, Subject: key, Message: message, Err: cause,
		Remedy: "the operator frees disk space under the gateway's data folder, or the provider splits the object; then publish again"}
}

// Unlinked makes a file that is gone when it is closed, whatever happens.
func Unlinked(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "shard-*")
	if err != nil {
		return nil, &schemas.Error{
			Kind:    schemas.Unavailable,
			Subject: "publication",
			Message: "there is no room for a temporary file",
			Remedy:  "free disk space under the gateway's data folder",
			Err:     err,
		}
	}
	err = os.Remove(f.Name())
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("unlink a temporary file: %w", err)
	}
	return f, nil
}
