// Package index finds datasets by words and facets, in Bleve.
//
// In: datasets, as the change sequence names them; queries with a Sight. Out:
// ids in order, counts, highlights. Always: it is a copy of the registry that can
// be deleted and comes back by itself; datasets that not everybody may see live
// in an index of their own, whose hits score constant, so that hidden ones move
// neither order nor score of visible ones [decisions.md 26]; nothing outside a
// Sight is counted. It must not know users, offers' meaning or doors.
package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blevesearch/bleve/v2"

	"guichet/catalog/index/document"
	"guichet/catalog/index/labels"
	"guichet/catalog/index/words"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

// class is public or restricted: an index of its own.
type class struct {
	name string
	b    bleve.Index
}

// Groups are the groups of datasets that describe the same data: of those in one hits are
// shown as one.
type Groups = map[schemas.DatasetID]string

// Index is the search index. Safe for concurrent use.
type Index struct {
	Groups func(ctx context.Context, ids []schemas.DatasetID) (Groups, error) // set before Follow; nil: there are none

	dir      string
	log      *slog.Logger
	maker    *words.Maker
	labels   *labels.Labels
	most     int                                                               // bytes of text in a batch
	slow     time.Duration                                                     // from when on a batch that is written is told of
	written  func(docs []schemas.Dataset, groups Groups, position int64) error // writes a batch, however long it takes
	mu       sync.RWMutex                                                      // held for writing only while an index is swapped
	public   class
	closed   class
	position atomic.Int64 // changes before it are in the index
	ready    atomic.Bool  // false while it is rebuilt
	broken   atomic.Bool  // a search or write found it damaged: Follow makes it anew
	seen     seen         // what searches see of both
}

var positionKey = []byte("guichet.position/" + document.Edition)

// Open opens the index under dir, or begins an empty one when there is none or it
// will not open; Follow then rebuilds it. Names of spaces and codes in the set are found too. Errors: Unavailable when the folder
// cannot be written.
func Open(dir string, set *spaces.Set, log *slog.Logger) (*Index, error) {
	m, err := words.New()
	if err != nil {
		return nil, fmt.Errorf("open the search index: %w", err)
	}
	names, err := labels.New(m, set)
	if err != nil {
		return nil, fmt.Errorf("open the search index: %w", err)
	}
	x := &Index{dir: dir, log: log, maker: m, labels: names, most: maxChunk, slow: slowAfter}
	x.written = x.write
	err = os.MkdirAll(dir, 0o700)
	if err != nil {
		return nil, &schemas.Error{
			Kind:    schemas.Unavailable,
			Subject: dir,
			Message: "the folder of the search index cannot be written",
			Remedy:  "check its owner and the free disk space",
			Err:     err,
		}
	}
	x.sweep()
	whole := true
	for _, c := range []*class{&x.public, &x.closed} {
		c.name = "public"
		if c == &x.closed {
			c.name = "restricted"
		}
		c.b, err = openVerified(filepath.Join(dir, c.name))
		if err != nil {
			whole = false
			if errors.Is(err, bleve.ErrorIndexPathDoesNotExist) {
				continue
			}
			log.Warn("the search index does not open and is rebuilt from the registry", "index", c.name, "err", err)
		}
	}
	if !whole {
		err = x.empty()
		if err != nil {
			return nil, err
		}
		return x, nil
	}
	x.position.Store(min(positionOf(x.public.b), positionOf(x.closed.b)))
	return x, nil
}

// positionOf reads how far in the change sequence an index is, and of which record: 16
// bytes, of which the first 8 are the position.
func positionOf(b bleve.Index) int64 {
	v, err := b.GetInternal(positionKey)
	if err != nil || len(v) != 16 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(v))
}

// empty begins both indexes anew.
func (x *Index) empty() error {
	x.forget()
	for _, c := range []*class{&x.public, &x.closed} {
		if c.b != nil {
			err := discard(c.b)
			if err != nil {
				return err
			}
		}
		path := filepath.Join(x.dir, c.name)
		err := os.RemoveAll(path)
		if err == nil {
			c.b, err = bleve.New(path, document.Mapping())
		}
		if err != nil {
			return &schemas.Error{
				Kind:    schemas.Unavailable,
				Subject: path,
				Message: "the search index cannot be made",
				Remedy:  "check the folder's owner and the free disk space",
				Err:     err,
			}
		}
	}
	x.position.Store(-1)
	return nil
}

// discard closes an index that is thrown away, whatever state it is in.
func discard(b bleve.Index) error {
	err := within(closeWithin, func() error {
		_ = guard(b.Close) // it is thrown away
		return nil
	})
	if err != nil {
		return &schemas.Error{
			Kind:    schemas.Unavailable,
			Subject: "search index",
			Message: "the damaged search index does not close",
			Remedy:  "restart the gateway; it is rebuilt then",
			Err:     err,
		}
	}
	return nil
}

// guard turns a panic of Bleve, which it falls into when files vanish or are torn
// under it, into an error.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the search index is damaged: %v", p)
		}
	}()
	return f()
}

// damaged notes that the index cannot be trusted any more; searches answer Busy until
// Follow has made it anew.
func (x *Index) damaged(err error) error {
	x.ready.Store(false)
	if !x.broken.Swap(true) {
		x.log.Warn("the search index is damaged and is rebuilt from the registry", "err", err)
	}
	return &schemas.Error{
		Kind:    schemas.Busy,
		Subject: "search",
		Message: "the search index is being rebuilt",
		Remedy:  "try again in a moment; datasets can be read by their ids meanwhile",
		Err:     err,
	}
}

// Close closes both indexes; call it after Follow has ended.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.forget()
	var failed error
	for _, c := range []*class{&x.public, &x.closed} {
		err := within(closeWithin, c.b.Close)
		if err == nil {
			err = keepSum(filepath.Join(x.dir, c.name))
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// closeWithin is how long an index may take to close: one whose writer fell over never
// does.
const closeWithin = 10 * time.Second

// Ready says whether searches are answered: not before the index has caught up
// once, and not while it is rebuilt.
func (x *Index) Ready() bool { return x.ready.Load() }

// Position is the number of changes that the index has seen.
func (x *Index) Position() int64 { return max(x.position.Load(), 0) }
