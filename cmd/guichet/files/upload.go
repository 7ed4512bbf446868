package files

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// upload is one file of this machine on its way into a publication.
type upload struct {
	table, split string
	path         string // as it was said
	name         string // at the gateway, distinct within its split
	info         os.FileInfo
}

// at names the file as the gateway does.
func (u *upload) at() string { return u.table + "/" + u.split + "/" + u.name }

// FindUploads reads files given as TABLE[/SPLIT]=FILE. What is wrong with any of
// them is said before the first is sent.
func FindUploads(args []string) ([]upload, error) {
	var out []upload
	taken := map[string]bool{}
	for _, arg := range args {
		place, path, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, schemas.BadField("publication", arg, "write files as TABLE=FILE or TABLE/SPLIT=FILE")
		}
		u := upload{path: path}
		u.table, u.split, ok = strings.Cut(place, "/")
		if !ok {
			u.split = "all"
		}
		for _, name := range []string{u.table, u.split} {
			if !schemas.IsSlug(name) {
				return nil, schemas.BadField("publication", arg, "%q cannot name a table or split: a name has %s", name, schemas.SlugInWords)
			}
		}
		var err error
		u.info, err = os.Stat(path)
		switch {
		case err != nil:
			return nil, schemas.Errorf(schemas.Invalid, path, "the file %s cannot be read: %w", path, err)
		case !u.info.Mode().IsRegular():
			return nil, &schemas.Error{
				Kind: schemas.Invalid, Subject: path, Message: path + " is a folder, or no plain file",
				Remedy: "name each file, TABLE=FILE TABLE=FILE …; a whole folder is published from a store: --from s3://STORE/BUCKET/PREFIX/",
			}
		case u.info.Size() == 0:
			return nil, schemas.Errorf(schemas.Invalid, path, "the file %s is empty", path)
		}
		for _, o := range out {
			if o.table == u.table && os.SameFile(o.info, u.info) {
				return nil, schemas.BadField("publication", arg,
					"the file %s is given twice in the table %s, also as %s: its rows would be doubled", path, u.table, o.path)
			}
		}
		base := filepath.Base(path)
		u.name = base
		for n := 2; taken[u.at()]; n++ { // files of two folders may have one name
			u.name = fmt.Sprintf("%d-%s", n, base)
		}
		taken[u.at()] = true
		out = append(out, u)
	}
	return out, nil
}

// Send sends the files and writes what they are into the publication.
func Send(ctx context.Context, t *terminal.Terminal, c *client.Client, dataset string, files []upload, p *schemas.Publication) error {
	for i := range files {
		u := &files[i]
		err := u.send(ctx, t, c, dataset)
		if err != nil {
			return err
		}
		add(p, u.table, u.split, u.name)
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

// send sends one file, with a bar.
func (u *upload) send(ctx context.Context, t *terminal.Terminal, c *client.Client, dataset string) error {
	f, err := os.Open(u.path)
	if err != nil {
		return schemas.Errorf(schemas.Invalid, u.path, "the file %s cannot be read: %w", u.path, err)
	}
	defer f.Close()
	bar := terminal.NewProgress(t, "sending "+filepath.Base(u.path))
	defer bar.Done()
	to := fmt.Sprintf("/datasets/%s/files/%s/%s/%s", dataset, u.table, u.split, url.PathEscape(u.name))
	return c.Upload(ctx, to, &reading{f, bar, 0, u.info.Size()}, u.info.Size())
}

// AsGiven names files by their paths on this machine in what the gateway says about
// them.
func AsGiven(files []upload, said []schemas.FieldError) {
	for i := range said {
		for j := range files {
			if rest, is := strings.CutPrefix(said[i].Pointer, files[j].at()); is && (rest == "" || strings.HasPrefix(rest, " and ")) {
				said[i].Pointer = files[j].path + rest
				break
			}
		}
	}
}

// reading shows how much of a file was sent.
type reading struct {
	r         io.Reader
	bar       *terminal.Progress
	done, all int64
}

// Read is io.Reader's.
func (r *reading) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.done += int64(n)
	r.bar.Set(r.done, r.all)
	return n, err
}
