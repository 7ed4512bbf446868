//go:build linux || darwin || freebsd

package mount

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"guichet/connectors/client"
	"guichet/schemas"
)

// lookEvery is how often an unread mount asks whether its agreement stands.
const lookEvery = 15 * time.Second

// Mounted is a mounted agreement.
type Mounted struct {
	view   *view
	server *fuse.Server
	stop   context.CancelFunc
}

// view is what all files of a mount share.
type view struct {
	refusals
	source   Source
	manifest schemas.Manifest
	root     *folder
}

// Mount shows an agreement in a folder that is there, until Unmount or until ctx ends. Errors:
// of the gateway; Unavailable where this machine mounts nothing.
func Mount(ctx context.Context, dir string, what What) (*Mounted, error) {
	v := &view{source: what.Source, root: &folder{}}
	v.tell = what.Tell
	v.over = func() { go v.forget(v.root.EmbeddedInode()) } // not from within a call of the kernel, which would wait for itself
	err := client.Again(ctx, func() (err error) {           // rows of a filter may be counted first
		v.manifest, err = v.source.Manifest(ctx)
		if schemas.KindOf(err) == schemas.Unavailable { // a gateway that is not there is told at once
			return backoff.Permanent(err)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	forever := 24 * time.Hour // files of a version never change
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	var grown error
	server, err := fs.Mount(dir, v.root, &fs.Options{
		AttrTimeout: &forever, EntryTimeout: &forever, Logger: quiet, UID: uint32(os.Getuid()), GID: uint32(os.Getgid()),
		OnAdd: func(ctx context.Context) { grown = v.grow(ctx, v.root.EmbeddedInode()) },
		MountOptions: fuse.MountOptions{
			FsName: "guichet:" + string(v.manifest.Agreement), Name: "guichet", MaxReadAhead: block, DisableXAttrs: true, Logger: quiet,
			DirectMount: os.Getuid() == 0, DirectMountFlags: readOnly, Options: []string{"ro", "nosuid", "nodev"},
		},
	})
	if err != nil {
		return nil, notHere(dir, err)
	}
	keepDevice()
	ctx, stop := context.WithCancel(ctx)
	m := &Mounted{v, server, stop}
	if grown != nil {
		return nil, errors.Join(grown, m.Unmount())
	}
	go m.watch(ctx)
	return m, nil
}

// keepDevice keeps /dev/fuse, which go-fuse opens without O_CLOEXEC, from the programs that this
// process runs: while one of them had it, no end of ours would end the mount, and one that ends
// with a file open waits for an answer that only it could still give.
func keepDevice() {
	open, _ := filepath.Glob("/proc/self/fd/*") // none where there is no /proc
	for _, at := range open {
		to, err := os.Readlink(at)
		fd, bad := strconv.Atoi(filepath.Base(at))
		if err == nil && bad == nil && to == "/dev/fuse" {
			syscall.CloseOnExec(fd)
		}
	}
}

// Wait returns once it is unmounted, by whomever.
func (m *Mounted) Wait() { m.server.Wait() }

// Rows counts the rows that are shown, in files.
func (m *Mounted) Rows() (rows int64, files int) {
	for _, t := range m.view.manifest.Tables {
		rows += t.Rows
		files += len(t.Shards) + len(t.Objects)
	}
	return rows, files
}

// Unmount ends it. Errors: files are open still.
func (m *Mounted) Unmount() error {
	err := m.server.Unmount()
	if err != nil {
		return schemas.Errorf(schemas.Conflict, "mount", "it cannot be unmounted, a program may still use it: %w", err)
	}
	m.stop()
	return nil
}

// watch asks from time to time whether the agreement stands: what the kernel has kept is read
// without us.
func (m *Mounted) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		look, over := context.WithTimeout(ctx, lookEvery)
		err := m.view.source.Standing(look)
		over()
		if err != nil && ctx.Err() == nil {
			_ = m.view.ended(err) // which acts on it
		}
	}
}

// forget drops what the kernel keeps of all files below a node.
func (v *view) forget(n *fs.Inode) {
	for _, child := range n.Children() {
		v.forget(child)
	}
	if n.StableAttr().Mode&syscall.S_IFDIR == 0 {
		_ = n.NotifyContent(0, 0) // a file that nobody has looked at
	}
}
