package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// Fetched is what lies in the folder of Fetch.
type Fetched struct {
	Folder string `json:"folder"`
	Files  int    `json:"files"`
	Bytes  int64  `json:"bytes"`
	There  int    `json:"there"` // files that were there already, and are as published
}

// fetches is how many objects are read at once.
const fetches = 8

// Fetch writes the objects of an agreement into a folder, as TABLE/SPLIT/NAME. A file that is
// there with the bytes that were published is not read again, so that one goes on where another
// ended. No name leads out of the folder. Errors: of the gateway; Invalid where there are no objects.
func Fetch(
	ctx context.Context, t *terminal.Terminal, c *client.Client, id schemas.AgreementID, m *schemas.Manifest, dir string,
) (Fetched, error) {
	out := Fetched{Folder: dir}
	var list []client.File
	var all int64
	for i := range m.Tables {
		for j := range m.Tables[i].Objects {
			list = append(list, client.ObjectOf(m, &m.Tables[i], &m.Tables[i].Objects[j]))
			all += m.Tables[i].Objects[j].Size
		}
	}
	if len(list) == 0 {
		return out, &schemas.Error{
			Kind: schemas.Invalid, Subject: string(id), Message: "the agreement shows no objects, only tables with rows",
			Remedy: "stream the rows: guichet stream " + string(id),
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return out, schemas.Errorf(schemas.Invalid, dir, "the folder %s cannot be used: %w", dir, err)
	}
	defer root.Close()
	bar := terminal.NewProgress(t, "bytes")
	defer bar.Done()
	var done, there atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fetches)
	for i := range list {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			is, err := fetch(ctx, root, c, id, &list[i])
			if is {
				there.Add(1)
			}
			if err == nil {
				bar.Set(done.Add(list[i].Size), all)
			}
			return err
		})
	}
	err = group.Wait()
	out.Files, out.Bytes, out.There = len(list), done.Load(), int(there.Load())
	return out, err
}

// partName is where an object lies in the folder until it has all of its bytes. No table begins with
// a dot, so no object is called so; and it is short whatever the object's name is.
func partName(at string) string {
	sum := sha256.Sum256([]byte(at))
	return ".part-" + hex.EncodeToString(sum[:16])
}

// fetch writes one object; it is true where it was there.
func fetch(ctx context.Context, root *os.Root, c *client.Client, id schemas.AgreementID, f *client.File) (bool, error) {
	at := path.Join(f.Table, f.Split, f.Name)
	is, err := root.Stat(at)
	if err == nil && is.IsDir() {
		return false, schemas.Errorf(schemas.Invalid, at, "%s is a folder, and is to be a file: move it away, or fetch into another folder", at)
	}
	if err == nil && is.Mode().IsRegular() && is.Size() == f.Size {
		have, err := root.Open(at)
		if err != nil {
			return false, schemas.Errorf(schemas.Invalid, at, "%s cannot be compared: %w", at, err)
		}
		sum := sha256.New()
		_, err = io.Copy(sum, have)
		have.Close()
		if err == nil && `"`+hex.EncodeToString(sum.Sum(nil))+`"` == f.ETag {
			return true, nil
		}
	}
	fail := func(err error) error {
		return schemas.Errorf(schemas.Unavailable, at, "the file %s cannot be written: %w", at, err)
	}
	err = root.MkdirAll(path.Dir(at), 0o700)
	if err != nil {
		return false, fail(err)
	}
	part := partName(at)
	w, err := root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return false, fail(err)
	}
	err = c.Copy(ctx, id, f, w)
	late := w.Close()
	if err == nil && late != nil {
		err = fail(late)
	}
	if err == nil {
		late = root.Rename(part, at)
		if late != nil {
			err = fail(late)
		}
	}
	if err != nil {
		_ = root.Remove(part) // it holds nothing that anybody was promised
	}
	return false, err
}
