package staged

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"

	"guichet/connectors/client"
	"guichet/connectors/ipc"
	"guichet/schemas"
)

// Files are where a copy is filled from: client.Files of the copy's agreement.
type Files interface {
	Manifest(ctx context.Context) (schemas.Manifest, error)
	Stat(ctx context.Context, f *client.File) error
	Range(ctx context.Context, f *client.File, from, n int64) (io.ReadCloser, error)
}

const (
	fills    = 4           // files that are fetched at once
	keepEach = time.Second // what is there is written down; files of the last second are fetched again after a kill
)

// Fill fetches what is missing, so that one goes on where another ended. told is called with the
// bytes that are there, and with all of them. Errors: of the gateway; Unavailable where the disk takes
// no more.
func (c *Copy) Fill(ctx context.Context, from Files, told func(done, all int64)) error {
	err := c.read(aboutName, &c.about) // as another one may have left it
	if err != nil {
		return c.fault(aboutName, err)
	}
	recipient, err := age.ParseHybridRecipient(c.about.Recipient)
	if err != nil {
		return fmt.Errorf("read the recipient of the copy: %w", err)
	}
	err = client.Again(ctx, func() (err error) { // rows of a filter may be counted first
		c.about.Manifest, err = from.Manifest(ctx)
		return err
	})
	if err != nil {
		return err
	}
	list := client.InManifest(&c.about.Manifest)
	var done, all int64
	for i := range list {
		err = client.Again(ctx, func() error { return from.Stat(ctx, &list[i]) })
		if err != nil {
			return err
		}
		all += list[i].Size
	}
	var mu sync.Mutex
	var kept time.Time
	there := func(i int, f file) error {
		mu.Lock()
		defer mu.Unlock()
		c.about.Files[key(&list[i])] = f
		done += f.Size
		told(done, all)
		if time.Since(kept) < keepEach {
			return nil
		}
		kept = time.Now()
		return c.write(aboutName, c.about)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fills)
	for i := range list {
		mu.Lock()
		have, is := c.about.Files[key(&list[i])]
		mu.Unlock()
		if is && have.ETag == list[i].ETag && have.Size == list[i].Size && c.has(&list[i]) {
			err = there(i, have)
			if err != nil {
				break
			}
			continue
		}
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			f, err := c.fetch(ctx, from, &list[i], recipient)
			if err != nil {
				return err
			}
			return there(i, f)
		})
	}
	late := group.Wait()
	if err == nil {
		err = late
	}
	late = c.write(aboutName, c.about)
	if err == nil {
		err = late
	}
	return err
}

// has says whether the bytes of a file are there.
func (c *Copy) has(f *client.File) bool {
	_, err := c.root.Stat(encrypted(key(f)))
	return err == nil
}

// encrypted is where the bytes of a file lie.
func encrypted(key string) string { return path.Join(dataName, key+".age") }

// fetch writes one file, encrypted.
func (c *Copy) fetch(ctx context.Context, from Files, is *client.File, to age.Recipient) (file, error) {
	f := file{Size: is.Size, ETag: is.ETag}
	var err error
	if !is.Object {
		f.Blocks, err = c.blocks(ctx, from, is)
		if err != nil {
			return f, err
		}
	}
	at := encrypted(key(is))
	err = c.root.MkdirAll(path.Dir(at), 0o700)
	if err != nil {
		return f, c.fault(at, err)
	}
	return f, c.replace(at, func(out *os.File) error {
		w, err := age.Encrypt(out, to)
		if err != nil {
			return fmt.Errorf("encrypt %s: %w", at, err)
		}
		err = c.all(ctx, from, is, w)
		if err != nil {
			return err
		}
		return w.Close()
	})
}

// all writes all of a file to w. What breaks off goes on where it did, for a while.
func (c *Copy) all(ctx context.Context, from Files, is *client.File, w io.Writer) error {
	var n int64
	some := func() error {
		body, err := from.Range(ctx, is, n, is.Size-n)
		if err != nil {
			return err
		}
		defer body.Close()
		disk := &written{Writer: w}
		m, err := io.Copy(disk, body)
		n += m
		if disk.err != nil {
			return backoff.Permanent(c.fault(key(is), disk.err))
		}
		return err
	}
	for n < is.Size {
		had := n
		err := client.Again(ctx, func() error {
			err := some()
			if n > had { // it comes, if in pieces
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// written keeps the error of a writer, which is no error of what is read.
type written struct {
	io.Writer
	err error
}

// Write is an io.Writer's.
func (w *written) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		w.err = err
	}
	return n, err
}

// blocks reads from a shard's footer where its record batches are; their rows stand in the manifest.
func (c *Copy) blocks(ctx context.Context, from Files, is *client.File) ([]schemas.Block, error) {
	bad := func(err error) error {
		return schemas.Errorf(schemas.Unavailable, key(is), "%s is no Arrow file that its manifest describes: %w", key(is), err)
	}
	const end = 4 + len(ipc.Magic) // the footer's length, and the magic
	if is.Size < int64(end) {
		return nil, bad(fmt.Errorf("it has %d bytes", is.Size))
	}
	tail, err := part(ctx, from, is, is.Size-int64(end), int64(end))
	if err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(tail))
	if !bytes.HasSuffix(tail, []byte(ipc.Magic)) || n > is.Size-int64(end) || n > maxFooter {
		return nil, bad(fmt.Errorf("it ends with % x", tail))
	}
	text, err := part(ctx, from, is, is.Size-int64(end)-n, n)
	if err != nil {
		return nil, err
	}
	footer, err := ipc.ParseFooter(text)
	if err != nil {
		return nil, bad(err)
	}
	rows := c.rowsOf(is)
	if len(rows) != len(footer.Batches) {
		return nil, bad(fmt.Errorf("it has %d record batches, and the manifest says %d", len(footer.Batches), len(rows)))
	}
	for i := range rows {
		footer.Batches[i].Rows = rows[i]
	}
	return footer.Batches, nil
}

// maxFooter bounds a footer: 24 bytes for each of five million record batches, and a schema.
const maxFooter = 128 << 20

// rowsOf are the rows of each record batch of a shard.
func (c *Copy) rowsOf(is *client.File) []int64 {
	for i := range c.about.Manifest.Tables {
		t := &c.about.Manifest.Tables[i]
		var n int
		_, err := fmt.Sscanf(is.Name, "%d.arrow", &n)
		if t.Table == is.Table && t.Split == is.Split && err == nil && n < len(t.Shards) {
			return t.Shards[n].Batches
		}
	}
	return nil
}

// part reads some bytes of a file.
func part(ctx context.Context, from Files, is *client.File, at, n int64) ([]byte, error) {
	b := make([]byte, n)
	return b, client.Again(ctx, func() error {
		body, err := from.Range(ctx, is, at, n)
		if err != nil {
			return err
		}
		defer body.Close()
		_, err = io.ReadFull(body, b)
		if err != nil {
			err = schemas.Errorf(schemas.Unavailable, key(is), "%d bytes at %d of %s did not come: %w", n, at, key(is), err)
		}
		return err
	})
}
