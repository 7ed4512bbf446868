package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"guichet/cmd/guichet/terminal"
	"guichet/schemas"
)

// Whole is a file that takes its name only when it is whole: until then what had
// the name before stays. Pipes and devices are written as they are.
type Whole struct {
	*os.File
	path string // "" for pipes and devices
}

// Create begins a file beside path, for its owner alone: what is written names people
// or is data under an agreement. A file that is replaced keeps the mode that it had.
func Create(path string) (*Whole, error) {
	target, err := filepath.EvalSymlinks(path) // a link stays a link
	if err != nil {
		target = path
	}
	st, err := os.Stat(target)
	if err == nil && !st.Mode().IsRegular() {
		f, err := os.OpenFile(target, os.O_WRONLY, 0)
		if err != nil {
			return nil, schemas.Errorf(schemas.Invalid, path, "%s cannot be written: %w", path, err)
		}
		return &Whole{File: f}, nil
	}
	if _, err := os.Stat(filepath.Dir(target)); err != nil {
		return nil, &schemas.Error{
			Kind:    schemas.Invalid,
			Subject: path,
			Message: fmt.Sprintf("the folder %s for %s is not there", filepath.Dir(target), filepath.Base(target)),
			Remedy:  "make it, or name another file",
			Err:     err,
		}
	}
	mode := fs.FileMode(0o600)
	if err == nil {
		mode = st.Mode().Perm()
	}
	f, err := os.OpenFile(fmt.Sprintf("%s.%d.part", target, os.Getpid()), os.O_RDWR|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return nil, schemas.Errorf(schemas.Invalid, path, "the file %s cannot be made: %w", path, err)
	}
	return &Whole{f, target}, nil
}

// Keep gives the file its name. Errors: Unavailable.
func (f *Whole) Keep() error {
	if f.path == "" {
		return f.Close()
	}
	err := f.Sync()
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it holds nothing that anybody was promised
		return schemas.Errorf(schemas.Unavailable, f.path, "the file %s cannot be written: %w", f.path, err)
	}
	return nil
}

// KeepCut keeps the rows of a stream that was cut in FILE.part, since the next one goes on
// after them, and says so in the error.
func (f *Whole) KeepCut(rows int64, err error) error {
	e, ok := errors.AsType[*schemas.Error](err)
	if errors.Is(err, context.Canceled) {
		e, ok = &schemas.Error{Message: "stopped", Remedy: "go on with --from " + strconv.FormatInt(rows, 10) + " more than before"}, true
	}
	if !ok || rows == 0 || f.path == "" {
		f.Drop()
		return err
	}
	f.path += ".part"
	late := f.Keep()
	if late != nil {
		return late
	}
	told := *e
	told.Remedy += "; what came, " + terminal.Plural(rows, "row", "rows") + ", is in " + f.path
	return &told
}

// Drop forgets a file that is not whole.
func (f *Whole) Drop() {
	_ = f.Close()
	if f.path != "" {
		_ = os.Remove(f.Name())
	}
}
