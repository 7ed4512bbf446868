// Package folder reads files of this machine as connectors/fetch reads addresses of others.
//
// In: folders that the operator's settings allow; a file: address below one of them, as a person named it.
// Out: what lies there: a file, or a folder's files one by one, each saying which is next.
// Always: nothing outside the allowed folders is opened, whatever links lie in them, and links within
// are passed over; only ordinary files are read whose names end as descriptions' do, so many, so
// deep, each within a bound. Where nothing is allowed everything is refused.
//
// It must not know what the bytes mean.
package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"

	"guichet/connectors/fetch"
	"guichet/schemas"
)

// Bounds of a folder; of a file it is fetch.DefaultBytes.
const (
	maxFiles = 10_000
	maxDepth = 32
)

// Type is the media type that a folder has, as desktops call it; its body lists its files.
const Type = "inode/directory"

// endings are those of names of files that may hold descriptions.
var endings = []string{".ttl", ".nt", ".trig", ".nq", ".rdf", ".xml", ".jsonld", ".json", ".yaml", ".yml"}

// Folders reads what lies below some folders. Safe for concurrent use.
type Folders struct {
	allowed []string
	most    int

	mu     sync.Mutex
	listed map[string][]string // addresses of files, by that of the folder that a person named
}

// New makes a reader of what lies below some folders, named from the root.
func New(allowed []string) *Folders {
	f := &Folders{most: maxFiles, listed: map[string][]string{}}
	for _, a := range allowed {
		f.allowed = append(f.allowed, path.Clean(a))
	}
	return f
}

// Is says whether an address is one of a file or folder of this machine.
func Is(address string) bool { return strings.HasPrefix(strings.ToLower(address), "file:") }

// Address is that of a path from the root.
func Address(p string) string { return (&url.URL{Scheme: "file", Path: p}).String() }

// Check says whether an address lies where files may be read, without reading it. Errors: Invalid.
func (f *Folders) Check(address string) error {
	_, _, err := f.find(address)
	return err
}

// find gives the allowed folder that an address lies below, and its path from there.
func (f *Folders) find(address string) (root, rest string, err error) {
	u, err := url.Parse(address)
	if err != nil || !Is(address) || u.Host != "" || u.RawQuery != "" || u.Fragment != "" || !path.IsAbs(u.Path) ||
		path.Clean(u.Path) != u.Path || strings.ContainsRune(u.Path, 0) {
		return "", "", schemas.BadField("address", "/url", "%.200s names no file or folder; write its whole path, such as /srv/catalogues/ours, "+
			"as the gateway's machine has it", schemas.Visible(address))
	}
	for _, a := range f.allowed {
		if u.Path == a {
			return a, ".", nil
		}
		if rest, below := strings.CutPrefix(u.Path, strings.TrimSuffix(a, "/")+"/"); below {
			return a, rest, nil
		}
	}
	e := schemas.BadField("address", "/url", "%.200s lies in no folder from which this gateway may read", schemas.Visible(u.Path))
	e.Remedy = "whoever runs the gateway names the folder in its settings (harvest_folders)"
	return "", "", e
}

// Get reads the file at an address that is From, or lies below it; of a folder it gives the list of its files.
// The answer's Links say which file is next, also where there is an error. Errors: Invalid for an address
// that may not be read, NotFound, Denied where the machine does not let it be read, TooLarge.
func (f *Folders) Get(_ context.Context, want fetch.Request) (*fetch.Answer, error) {
	from := want.From
	if want.URL != from && !strings.HasPrefix(want.URL, strings.TrimSuffix(from, "/")+"/") {
		return nil, schemas.BadField("address", "/url", "%.200s does not lie below %.200s", schemas.Visible(want.URL), schemas.Visible(from))
	}
	at, rest, err := f.find(want.URL)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(at)
	if err != nil {
		return nil, failed(at, err)
	}
	defer root.Close()
	out := &fetch.Answer{URL: want.URL}
	if want.URL == from {
		info, err := root.Stat(rest)
		if err != nil {
			return nil, failed(want.URL, err)
		}
		if info.IsDir() {
			return f.list(root, rest, from)
		}
	} else {
		next, err := f.after(at, from, want.URL)
		if err != nil {
			return nil, err
		}
		out.Links = leads(next)
	}
	out.Body, err = read(root, rest, want.URL)
	return out, err
}

// list walks through a folder.
func (f *Folders) list(root *os.Root, rest, from string) (*fetch.Answer, error) {
	files, err := f.walk(root, rest, from)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.listed[from] = files
	f.mu.Unlock()
	first := ""
	if len(files) > 0 {
		first = files[0]
	}
	return &fetch.Answer{URL: from, Type: Type, Body: []byte(strings.Join(files, "\n")), Links: leads(first)}, nil
}

// leads is the Link line to the next file.
func leads(next string) []string {
	if next == "" {
		return nil
	}
	return []string{"<" + next + `>; rel="next"`}
}

// after is the file after one of a folder; what is known of the folder since its reading began, by
// this process, is not looked for again.
func (f *Folders) after(at, from, file string) (string, error) {
	f.mu.Lock()
	files, known := f.listed[from]
	f.mu.Unlock()
	if !known {
		_, rest, err := f.find(from)
		if err != nil {
			return "", err
		}
		root, err := os.OpenRoot(at)
		if err != nil {
			return "", failed(at, err)
		}
		defer root.Close()
		files, err = f.walk(root, rest, from)
		if err != nil {
			return "", err
		}
		f.mu.Lock()
		f.listed[from] = files
		f.mu.Unlock()
	}
	i, found := slices.BinarySearch(files, file)
	if found {
		i++
	}
	if i < len(files) {
		return files[i], nil
	}
	f.mu.Lock()
	delete(f.listed, from) // all of it was read
	f.mu.Unlock()
	return "", nil
}

// walk lists the addresses of a folder's files, in order.
func (f *Folders) walk(root *os.Root, rest, from string) ([]string, error) {
	var files []string
	err := fs.WalkDir(root.FS(), rest, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below := strings.TrimPrefix(strings.TrimPrefix(p, rest), "/")
		if rest == "." {
			below = p
		}
		hidden := p != rest && strings.HasPrefix(d.Name(), ".")
		switch {
		case d.IsDir() && hidden:
			return fs.SkipDir
		case d.IsDir() && strings.Count(below, "/") >= maxDepth:
			return schemas.Errorf(schemas.TooLarge, from, "the folder has folders more than %d deep", maxDepth)
		case hidden || !d.Type().IsRegular() || !slices.Contains(endings, strings.ToLower(path.Ext(p))):
			return nil
		}
		if len(files) == f.most {
			return schemas.Errorf(schemas.TooLarge, from,
				"the folder has more than %d files of descriptions: name its parts as sources of their own", f.most)
		}
		files = append(files, strings.TrimSuffix(from, "/")+Address("/" + below)[len("file://"):])
		return nil
	})
	if err != nil {
		return nil, failed(from, err)
	}
	slices.Sort(files)
	return files, nil
}

// read reads an ordinary file whole, or not at all.
func read(root *os.Root, name, at string) ([]byte, error) {
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // what came in its place, such as a pipe, is not waited for
	if err != nil {
		return nil, failed(at, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, failed(at, err)
	}
	if !info.Mode().IsRegular() {
		return nil, schemas.Errorf(schemas.Invalid, at, "this is no ordinary file")
	}
	b, err := io.ReadAll(io.LimitReader(file, fetch.DefaultBytes+1))
	if err != nil {
		return nil, failed(at, err)
	}
	if len(b) > fetch.DefaultBytes {
		return nil, schemas.Errorf(schemas.TooLarge, at, "the file has more than %d bytes", fetch.DefaultBytes)
	}
	return b, nil
}

// failed puts why nothing could be read into words.
func failed(at string, err error) error {
	if e, ours := errors.AsType[*schemas.Error](err); ours {
		return e
	}
	shown := schemas.Visible(at)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return schemas.Errorf(schemas.NotFound, at, "there is no %.200s on the gateway's machine", shown)
	case errors.Is(err, fs.ErrPermission):
		e := schemas.Errorf(schemas.Denied, at, "the machine does not let the gateway read %.200s", shown)
		e.Remedy = "let the user as whom the gateway runs read it"
		return e
	}
	said := fmt.Sprintf("%.200s cannot be read, or leads out of its folder", shown)
	return &schemas.Error{Kind: schemas.Denied, Subject: at, Message: said, Err: err}
}
