package staged

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"filippo.io/age"

	"guichet/connectors/client"
	"guichet/schemas"
)

// lookAgain is how long what open.json says is believed without looking: so long a renewal or a
// refusal takes to be seen.
const lookAgain = 5 * time.Second

// Source gives the files of a copy while it is open: it is a mount.Source. Safe for concurrent use.
type Source struct {
	copy *Copy
	log  *log

	mu     sync.Mutex
	looked time.Time
	open   opened
	with   *age.HybridIdentity
}

// Source begins to read the copy; what it reads is logged as this process's.
func (c *Copy) Source() (*Source, error) {
	l, err := c.newLog()
	if err != nil {
		return nil, err
	}
	s := &Source{copy: c, log: l}
	_, err = s.identity()
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close ends the log.
func (s *Source) Close() error { return s.log.Close() }

// identity is what the files are decrypted with now. Errors: Denied where the gateway refused to open
// the copy again; Busy where its time is over and nobody has renewed it yet.
func (s *Source) identity() (*age.HybridIdentity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.copy.now()
	if now.Sub(s.looked) > lookAgain || !now.Before(s.open.Until) {
		s.open, s.with = opened{}, nil
		err := s.copy.read(openName, &s.open)
		if err == nil && s.open.Refused == "" {
			s.with, err = age.ParseHybridIdentity(s.open.Identity)
		}
		if err != nil {
			return nil, s.notOpen("it was not opened yet")
		}
		s.looked = now
	}
	switch {
	case s.open.Refused != "":
		return nil, &schemas.Error{Kind: schemas.Denied, Subject: string(s.copy.ID()),
			Message: "the gateway opens this copy no more: " + s.open.Refused, Remedy: "guichet renew " + s.copy.dir + " asks once more"}
	case !now.Before(s.open.Until):
		return nil, s.notOpen("it was open until " + s.open.Until.UTC().Format(time.RFC3339))
	}
	return s.with, nil
}

// notOpen says that somebody has to renew the copy.
func (s *Source) notOpen(why string) error {
	return &schemas.Error{Kind: schemas.Busy, Subject: string(s.copy.ID()), Message: "the copy in " + s.copy.dir + " is closed: " + why,
		Remedy: "where the gateway can be reached: guichet renew " + s.copy.dir + " --keep"}
}

// Manifest says which files there are.
func (s *Source) Manifest(context.Context) (schemas.Manifest, error) {
	_, _, missing := s.copy.Size()
	if missing > 0 || s.copy.about.Manifest.Version == "" { // of a table without rows there is no file
		return s.copy.about.Manifest, schemas.Errorf(schemas.Invalid, s.copy.dir,
			"the copy in %s is not whole, %d files are missing: guichet stage %s %s goes on", s.copy.dir, missing, s.copy.Of().Agreement, s.copy.dir)
	}
	return s.copy.about.Manifest, nil
}

// Standing says whether the copy is open, or will be again.
func (s *Source) Standing(context.Context) error {
	_, err := s.identity()
	if schemas.KindOf(err) == schemas.Busy { // it may be renewed
		return nil
	}
	return err
}

// Stat fills in size and ETag.
func (s *Source) Stat(_ context.Context, f *client.File) error {
	is, ok := s.copy.about.Files[key(f)]
	if !ok {
		return schemas.Errorf(schemas.NotFound, key(f), "the copy has no file %s", key(f))
	}
	f.Size, f.ETag = is.Size, is.ETag
	return nil
}

// Range opens n bytes of a file from from on. A record batch counts as read whenever the byte that it
// begins with is given, and when any other one is before that; an object likewise.
func (s *Source) Range(_ context.Context, f *client.File, from, n int64) (io.ReadCloser, error) {
	is, ok := s.copy.about.Files[key(f)]
	if !ok || from < 0 || n < 0 || from+n > is.Size {
		return nil, schemas.Errorf(schemas.NotFound, key(f), "the copy has no bytes %d to %d of %s", from, from+n, key(f))
	}
	identity, err := s.identity()
	if err != nil {
		return nil, err
	}
	in, err := s.copy.root.Open(encrypted(key(f)))
	if err != nil {
		return nil, schemas.Errorf(schemas.Unavailable, key(f), "%s cannot be read: %w", key(f), err)
	}
	plain, err := decrypted(in, is.Size, identity)
	if err != nil {
		_ = in.Close()
		return nil, schemas.Errorf(schemas.Unavailable, key(f), "%s is not the file that was staged: %w", key(f), err)
	}
	return &counted{Reader: io.NewSectionReader(plain, from, n), file: in, source: s, name: key(f), blocks: blocksOf(f, is), at: from}, nil
}

// decrypted opens a file for reading anywhere.
func decrypted(in *os.File, size int64, identity age.Identity) (io.ReaderAt, error) {
	st, err := in.Stat()
	if err != nil {
		return nil, err
	}
	plain, n, err := age.DecryptReaderAt(in, st.Size(), identity)
	if err == nil && n != size {
		err = fmt.Errorf("it has %d bytes, and %d were staged", n, size)
	}
	return plain, err
}

// blocksOf are what counts of a file: its record batches, or the whole object as one row.
func blocksOf(f *client.File, is file) []schemas.Block {
	if f.Object {
		return []schemas.Block{{Offset: 0, Body: is.Size, Rows: 1}}
	}
	return is.Blocks
}

// counted gives bytes, while the copy is open, after it has logged the record batches among them.
type counted struct {
	io.Reader
	file   *os.File
	source *Source
	name   string
	blocks []schemas.Block
	at     int64
}

// Read is an io.Reader's.
func (c *counted) Read(p []byte) (int, error) {
	_, err := c.source.identity()
	if err != nil {
		return 0, err
	}
	n, err := c.Reader.Read(p)
	for _, b := range c.blocks {
		size := int64(b.Meta) + b.Body
		if n == 0 || b.Offset >= c.at+int64(n) || b.Offset+size <= c.at {
			continue
		}
		late := c.source.log.touched(c.name, b, b.Offset >= c.at)
		if late != nil {
			return 0, late
		}
	}
	c.at += int64(n)
	return n, err
}

// Close closes the file.
func (c *counted) Close() error { return c.file.Close() }
