package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"guichet/deploy/local/s3"
)

// loadAtOnce is how many objects are sent side by side.
const loadAtOnce = 4

type loadCmd struct {
	From      string `required:"" type:"existingdir" help:"Directory that make wrote."`
	Endpoint  string `required:"" help:"URL of the S3 server, as serve prints it."`
	AccessKey string `required:"" env:"GUICHET_LOCAL_ACCESS_KEY" help:"Access key of the S3 server."`
	SecretKey string `required:"" env:"GUICHET_LOCAL_SECRET_KEY" help:"Secret key of the S3 server."`
	Bucket    string `default:"spaces" help:"Bucket to fill."`
}

// file is one file to send: its key is its path below the directory.
type file struct {
	path, key string
	size      int64
}

// Run sends what the bucket lacks.
func (c *loadCmd) Run(ctx context.Context, io streams) error {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return fmt.Errorf("%q is not the http:// URL of an S3 server", c.Endpoint)
	}
	client, err := s3.Client(u.Host, s3.Keys{Access: c.AccessKey, Secret: c.SecretKey})
	if err != nil {
		return err
	}
	files, err := filesBelow(c.From)
	if err != nil {
		return err
	}
	have := map[string]int64{}
	for o := range client.ListObjects(ctx, c.Bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			return fmt.Errorf("list bucket %s: %w", c.Bucket, o.Err)
		}
		have[o.Key] = o.Size
	}
	p := newProgress(io.err, len(files))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(loadAtOnce)
	for _, f := range files {
		if size, ok := have[f.key]; ok && size == f.size {
			p.step(f, false)
			continue
		}
		group.Go(func() error {
			if _, err := client.FPutObject(ctx, c.Bucket, f.key, f.path, minio.PutObjectOptions{}); err != nil {
				return fmt.Errorf("put %s: %w", f.key, err)
			}
			p.step(f, true)
			return nil
		})
	}
	err = group.Wait()
	p.end()
	if err != nil {
		return err
	}
	fmt.Fprintf(io.out, "%d objects sent (%.1f MiB), %d were there\n", p.sent, float64(p.bytes)/(1<<20), p.done-p.sent)
	return nil
}

func filesBelow(dir string) ([]file, error) {
	var files []file
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		key, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		files = append(files, file{path: path, key: filepath.ToSlash(key), size: info.Size()})
		return nil
	})
	return files, err
}

// progress counts, and shows one line where a person looks on. Safe for
// concurrent use.
type progress struct {
	w     io.Writer // nil where nobody looks
	total int

	mu         sync.Mutex
	done, sent int
	bytes      int64
}

func newProgress(w io.Writer, total int) *progress {
	p := &progress{total: total}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.w = f
	}
	return p
}

func (p *progress) step(f file, sent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if sent {
		p.sent++
		p.bytes += f.size
	}
	if p.w != nil {
		fmt.Fprintf(p.w, "\r%d of %d objects, %.1f MiB sent ", p.done, p.total, float64(p.bytes)/(1<<20))
	}
}

func (p *progress) end() {
	if p.w != nil {
		fmt.Fprintln(p.w)
	}
}
