// Package s3 runs the rig's S3 server: versitygw over a plain directory. A
// directory, an address and one key pair flow in; a server flows out that
// checks every signature, as the store of a real site does. It always holds
// that only that key pair opens it, and that objects are ordinary files.
// It must not know what the objects mean.
package s3

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
)

// Region is the region that signatures must name.
const Region = "eu-guichet-1"

// Keys is the one pair that opens the store.
type Keys struct {
	Access string `json:"access_key"`
	Secret string `json:"secret_key"`
}

// Config says where a server keeps its objects and who may come.
type Config struct {
	Dir     string   // absolute; made when absent. The process changes into it.
	MetaDir string   // for object metadata where Dir has no extended attributes
	Addr    string   // host:port, free
	Keys    Keys     // of the root account, the only one
	Buckets []string // made when absent
}

// Run serves until ctx ends and calls ready once, when the buckets exist. One
// server at a time in a process: versitygw keeps globals.
func Run(ctx context.Context, cfg Config, ready func()) error {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return err
	}
	store, err := metadata(cfg)
	if err != nil {
		return err
	}
	be, err := posix.New(cfg.Dir, store, posix.PosixOpts{
		CopyObjectThreshold: 5 << 30,  // zero refuses every copy
		IOBufferSize:        64 << 10, // each range of an object makes one anew; a MiB where nothing is said
	})
	if err != nil {
		return fmt.Errorf("open object directory: %w", err)
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	listening := make(chan struct{})
	once := sync.OnceFunc(func() { close(listening) })
	served := make(chan error, 1) // one send, never blocks
	go func() {
		served <- embedgw.RunVersityGW(ctx, be, &embedgw.Config{
			RootUserAccess:    cfg.Keys.Access,
			RootUserSecret:    cfg.Keys.Secret,
			IAMService:        newOneAccount(cfg.Keys),
			Region:            Region,
			Ports:             []string{cfg.Addr},
			MaxConnections:    4096,
			MaxRequests:       2048,
			MultipartMaxParts: 10000, // the S3 limit
			Quiet:             true,
			KeepAlive:         true,
			S3Options:         []s3api.Option{s3api.WithOnListen(once)},
		})
	}()
	select {
	case err := <-served:
		return ended(ctx, err)
	case <-listening:
	}
	if err := makeBuckets(ctx, cfg); err != nil {
		cancel()
		return errors.Join(err, ended(ctx, <-served))
	}
	ready()

	select {
	case err := <-served:
		return ended(ctx, err)
	case <-ctx.Done():
	}
	select { // idle connections may hold versitygw for ten seconds
	case err := <-served:
		return ended(ctx, err)
	case <-time.After(2 * time.Second):
		return nil
	}
}

// ended drops the error of a server that was asked to stop.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	if err == nil {
		return errors.New("S3 server stopped by itself")
	}
	return fmt.Errorf("S3 server: %w", err)
}

// metadata picks extended attributes, or files beside the objects where the
// file system has none.
func metadata(cfg Config) (meta.MetadataStorer, error) {
	x := meta.XattrMeta{}
	if err := x.Test(cfg.Dir); err == nil {
		return x, nil
	}
	if err := os.MkdirAll(cfg.MetaDir, 0o700); err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(cfg.MetaDir)
	if err != nil {
		return nil, err
	}
	return meta.NewSideCar(abs)
}

// Client opens the store at addr with keys.
func Client(addr string, keys Keys) (*minio.Client, error) {
	return minio.New(addr, &minio.Options{
		Creds:        credentials.NewStaticV4(keys.Access, keys.Secret, ""),
		Region:       Region,
		BucketLookup: minio.BucketLookupPath,
	})
}

func makeBuckets(ctx context.Context, cfg Config) error {
	client, err := Client(cfg.Addr, cfg.Keys)
	if err != nil {
		return err
	}
	for _, name := range cfg.Buckets {
		have, err := client.BucketExists(ctx, name)
		if err != nil {
			return fmt.Errorf("look for bucket %s: %w", name, err)
		}
		if have {
			continue
		}
		if err := client.MakeBucket(ctx, name, minio.MakeBucketOptions{Region: Region}); err != nil {
			return fmt.Errorf("make bucket %s: %w", name, err)
		}
	}
	return nil
}
