//go:build linux || darwin || freebsd

package mount

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"guichet/connectors/client"
)

// folder is a directory of the mounted tree, made whole before anybody sees it.
type folder struct{ fs.Inode }

// grow adds a file for each shard and object of the manifest.
func (v *view) grow(ctx context.Context, root *fs.Inode) error {
	text, err := json.MarshalIndent(v.manifest, "", "  ")
	if err != nil {
		return err
	}
	plain := &fs.MemRegularFile{Data: append(text, '\n'), Attr: fuse.Attr{Mode: 0o444}}
	root.AddChild("_manifest.json", root.NewPersistentInode(ctx, plain, fs.StableAttr{}), false)
	for _, is := range client.InManifest(&v.manifest) {
		folders := append([]string{is.Table, is.Split}, strings.Split(is.Name, "/")...)
		last := len(folders) - 1
		at := below(ctx, root, folders[:last]...)
		at.AddChild(folders[last], at.NewPersistentInode(ctx, &file{view: v, is: is}, fs.StableAttr{Mode: syscall.S_IFREG}), false)
	}
	return nil
}

// below gives the folder that is reached by names, which it makes where there is none.
func below(ctx context.Context, at *fs.Inode, names ...string) *fs.Inode {
	for _, name := range names {
		next := at.GetChild(name)
		if next == nil {
			next = at.NewPersistentInode(ctx, &folder{}, fs.StableAttr{Mode: syscall.S_IFDIR})
			at.AddChild(name, next, false)
		}
		at = next
	}
	return at
}

// file is a shard or an object. What a shard is like is asked when somebody looks at it.
type file struct {
	fs.Inode
	view *view
	mu   sync.Mutex
	is   client.File
}

// The calls of the kernel that a file answers; go-fuse finds them by these interfaces.
var (
	_ fs.NodeGetattrer = (*file)(nil)
	_ fs.NodeOpener    = (*file)(nil)
	_ fs.FileReader    = (*handle)(nil)
	_ fs.FileReleaser  = (*handle)(nil)
)

// stat asks for size and ETag, once.
func (f *file) stat(ctx context.Context) (client.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.is.Size >= 0 {
		return f.is, f.view.refused()
	}
	is := f.is
	err := client.Again(ctx, func() error { return f.view.source.Stat(ctx, &is) })
	if err == nil {
		f.is = is
	}
	return is, f.view.ended(err)
}

// Getattr is for the kernel.
func (f *file) Getattr(ctx context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	is, err := f.stat(ctx)
	if err != nil {
		return errno(err)
	}
	out.Mode, out.Size, out.Blksize = 0o444, uint64(is.Size), block
	out.Blocks = (out.Size + 511) / 512
	return 0
}

// Open is for the kernel. What it kept of another opening is asked for again.
func (f *file) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if flags&(syscall.O_WRONLY|syscall.O_RDWR) != 0 {
		return nil, 0, syscall.EROFS
	}
	is, err := f.stat(ctx)
	if err != nil {
		return nil, 0, errno(err)
	}
	open := func(ctx context.Context, from, n int64) (io.ReadCloser, error) {
		err := f.view.refused()
		if err != nil {
			return nil, err
		}
		return f.view.source.Range(ctx, &is, from, n)
	}
	return &handle{newReader(open, is.Size, f.view.ended)}, 0, 0
}

// handle is one opening of a file.
type handle struct{ r *reader }

// Read is for the kernel.
func (h *handle) Read(ctx context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n, err := h.r.ReadAt(ctx, dest, off)
	if err != nil {
		return nil, errno(err)
	}
	return fuse.ReadResultData(dest[:n]), 0
}

// Release is for the kernel.
func (h *handle) Release(context.Context) syscall.Errno {
	h.r.Close()
	return 0
}

// errno is an error as programs see it.
func errno(err error) syscall.Errno {
	if refusal(err) {
		return syscall.EACCES
	}
	if errors.Is(err, context.Canceled) {
		return syscall.EINTR
	}
	return syscall.EIO
}
