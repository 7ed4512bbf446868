package staged

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"

	"guichet/connectors/client"
	"guichet/schemas"
)

const (
	aboutName = "copy.json"
	openName  = "open.json"
	readsName = "reads.json"
	logsName  = "reads"
	dataName  = "data"
	lockName  = "lock"
	partsName = "parts"
)

// about is what copy.json says.
type about struct {
	Server    string           `json:"server"`
	Copy      schemas.Lease    `json:"copy"`
	Recipient string           `json:"recipient"`
	Manifest  schemas.Manifest `json:"manifest"`
	Files     map[string]file  `json:"files"` // by table/split/name; those that are there
}

// file is what is known of one of the files, before it was encrypted.
type file struct {
	Size   int64           `json:"size"`
	ETag   string          `json:"etag"`
	Blocks []schemas.Block `json:"blocks,omitempty"` // record batches of a shard, with their rows
}

// opened is what open.json says: what opens the copy, or why nothing does any more.
type opened struct {
	Identity string    `json:"identity,omitempty"`
	Until    time.Time `json:"until,omitzero"`
	Refused  string    `json:"refused,omitempty"`
}

// Copy is a staged copy in a folder. Safe for concurrent use by readers; filled and renewed by one.
type Copy struct {
	dir   string
	root  *os.Root
	about about
	now   func() time.Time
}

// IsCopy says whether a folder has a staged copy.
func IsCopy(dir string) bool {
	_, err := os.Stat(path.Join(dir, aboutName))
	return err == nil
}

// Open opens the folder of a staged copy. Errors: Invalid where there is none.
func Open(dir string) (*Copy, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, schemas.Errorf(schemas.Invalid, dir, "the folder %s cannot be used: %w", dir, err)
	}
	c := &Copy{dir: dir, root: root, now: time.Now}
	err = c.read(aboutName, &c.about)
	if err == nil && !c.about.Copy.IsCopy() {
		err = errors.New("it names no copy")
	}
	if err != nil {
		return nil, errors.Join(&schemas.Error{
			Kind: schemas.Invalid, Subject: dir, Err: err, Message: fmt.Sprintf("there is no staged copy in %s: %v", dir, err),
			Remedy: "stage one: guichet stage AGREEMENT " + dir,
		}, root.Close())
	}
	return c, nil
}

// Free makes an empty folder, where there is none. Errors: Conflict where something is in it.
func Free(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err != nil {
		return schemas.Errorf(schemas.Invalid, dir, "the folder %s cannot be made: %w", dir, err)
	}
	there, err := os.ReadDir(dir)
	if err != nil {
		return schemas.Errorf(schemas.Invalid, dir, "the folder %s cannot be read: %w", dir, err)
	}
	if len(there) > 0 {
		return schemas.Errorf(schemas.Conflict, dir, "the folder %s is not empty (it has %s): name another one", dir, there[0].Name())
	}
	return nil
}

// Make makes a new copy in a folder, which has no files yet. Errors: Conflict where another one did
// meanwhile.
func Make(dir, server string, made schemas.CopyAnswer) (*Copy, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, schemas.Errorf(schemas.Invalid, dir, "the folder %s cannot be used: %w", dir, err)
	}
	c := &Copy{dir: dir, root: root, now: time.Now,
		about: about{Server: server, Copy: made.Copy, Recipient: made.Recipient, Files: map[string]file{}}}
	over, err := c.alone()
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	defer over()
	if IsCopy(dir) {
		return nil, errors.Join(schemas.Errorf(schemas.Conflict, dir, "another one stages into %s", dir), root.Close())
	}
	return c, c.write(aboutName, c.about)
}

// Close lets go of the folder.
func (c *Copy) Close() error { return c.root.Close() }

// ID is the copy's.
func (c *Copy) ID() schemas.LeaseID { return c.about.Copy.ID }

// Of is the agreement and version that it is of.
func (c *Copy) Of() schemas.LeaseItem { return c.about.Copy.Items[0] }

// Server is the address of the gateway that it came from.
func (c *Copy) Server() string { return c.about.Server }

// Size counts the files that are there, with their bytes before they were encrypted, and says how
// many are missing.
func (c *Copy) Size() (files int, bytes int64, missing int) {
	for _, f := range c.about.Files {
		bytes += f.Size
	}
	return len(c.about.Files), bytes, len(client.InManifest(&c.about.Manifest)) - len(c.about.Files)
}

// alone keeps others from filling, renewing and ending the copy until what it gives is called.
func (c *Copy) alone() (func(), error) {
	f, err := c.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, c.fault(lockName, err)
	}
	over, err := lock(f)
	if err != nil {
		over()
		return nil, c.fault(lockName, err)
	}
	return over, nil
}

// key is how a file is known in the folder.
func key(f *client.File) string { return path.Join(f.Table, f.Split, f.Name) }

// read reads one of the JSON files.
func (c *Copy) read(name string, into any) error {
	b, err := c.root.ReadFile(name)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

// write writes one of the JSON files, whole or not at all.
func (c *Copy) write(name string, what any) error {
	b, err := json.MarshalIndent(what, "", " ")
	if err != nil {
		return err
	}
	return c.replace(name, func(f *os.File) error {
		_, err := f.Write(append(b, '\n'))
		return err
	})
}

// replace writes a file of the folder under another name and gives it its own once it is on disk.
func (c *Copy) replace(name string, fill func(f *os.File) error) error {
	part := path.Join(partsName, rand.Text())
	err := c.root.MkdirAll(partsName, 0o700)
	if err != nil {
		return c.fault(name, err)
	}
	f, err := c.root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return c.fault(name, err)
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = c.root.Rename(part, name)
	}
	if err != nil {
		_ = c.root.Remove(part) // it holds nothing that anybody was promised
		return c.fault(name, err)
	}
	return nil
}

// fault names what of the folder cannot be written; what others said stays as it is.
func (c *Copy) fault(name string, err error) error {
	if _, ours := errors.AsType[*schemas.Error](err); ours {
		return err
	}
	if bad, is := errors.AsType[*fs.PathError](err); is {
		err = bad.Err
	}
	return schemas.Errorf(schemas.Unavailable, c.dir, "%s cannot be written into %s: %w", name, c.dir, err)
}
