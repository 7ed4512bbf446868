package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"guichet/connectors/guichet"
	"guichet/schemas"
)

// uploadFiles sends files, given as TABLE[/SPLIT]=FILE, and writes what they are
// into the publication.
func uploadFiles(ctx context.Context, t *terminal, c *guichet.Client, dataset string, files []string, p *schemas.Publication) error {
	for _, arg := range files {
		name, path, ok := strings.Cut(arg, "=")
		if !ok {
			return schemas.BadField("publication", arg, "write files as TABLE=FILE or TABLE/SPLIT=FILE")
		}
		table, split, _ := strings.Cut(name, "/")
		if split == "" {
			split = "all"
		}
		err := uploadFile(ctx, t, c, dataset, table, split, path)
		if err != nil {
			return err
		}
		add(p, table, split, filepath.Base(path))
	}
	return nil
}

// add puts one file's name into a publication.
func add(p *schemas.Publication, table, split, key string) {
	for i := range p.Tables {
		if p.Tables[i].Name != table {
			continue
		}
		for j := range p.Tables[i].Splits {
			if p.Tables[i].Splits[j].Name == split {
				p.Tables[i].Splits[j].Keys = append(p.Tables[i].Splits[j].Keys, key)
				return
			}
		}
		p.Tables[i].Splits = append(p.Tables[i].Splits, schemas.PublicationSplit{Name: split, Keys: []string{key}})
		return
	}
	p.Tables = append(p.Tables, schemas.PublicationTable{Name: table, Splits: []schemas.PublicationSplit{{Name: split, Keys: []string{key}}}})
}

func uploadFile(ctx context.Context, t *terminal, c *guichet.Client, dataset, table, split, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return schemas.Errorf(schemas.Invalid, path, "the file %s cannot be read: %w", path, err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return schemas.Errorf(schemas.Invalid, path, "%s is no file", path)
	}
	bar := newProgress(t, "sending "+filepath.Base(path))
	defer bar.done()
	to := fmt.Sprintf("/datasets/%s/files/%s/%s/%s", dataset, table, split, url.PathEscape(filepath.Base(path)))
	return c.Upload(ctx, to, &reading{f, bar, 0, st.Size()}, st.Size())
}

// reading shows how much of a file was sent.
type reading struct {
	r         io.Reader
	bar       *progress
	done, all int64
}

func (r *reading) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.done += int64(n)
	r.bar.set(r.done, r.all)
	return n, err
}
