package file

import (
	"bufio"
	"context"
	"io"
	"math"
	"os"
	"sync"

	"guichet/gateway/stream/read"
	"guichet/gateway/stream/release"
	"guichet/schemas"
)

// The temporary files of changed shards: how many are kept for the next range, and
// how large one may be.
const (
	maxFiles    = 8
	maxFileSize = 4 << 30
	maxSizes    = 10_000 // that are remembered, for looks at files
)

// fileCache makes and keeps the shards that views change, by their tags.
type fileCache struct {
	open    read.Opener
	life    *release.Lifecycle
	tempDir string
	most    int64         // bytes that a file may have which is kept
	making  chan struct{} // one place for each file that is being made
	turns   release.Turns
	sizes   map[string]int64 // of files that were made or measured, by their tags
	mu      sync.Mutex
	byTag   map[string]*cachedFile
	recent  []*cachedFile // the last used one last
	closed  bool
}

// cachedFile is one changed shard. Its users and the cache hold it open.
type cachedFile struct {
	tag          string
	ready        chan struct{} // closed when it is made or failed
	file         *os.File
	size         int64
	batches      []batchSpan
	dictionaries []batchSpan
	err          error
	mu           sync.Mutex
	users        int
}

// makers is how many files are made at once, each of which may take disk up to a shard's
// size.
const makers = 2

func newFileCache(open read.Opener, life *release.Lifecycle, tempDir string) *fileCache {
	return &fileCache{
		open:    open,
		life:    life,
		tempDir: tempDir,
		most:    maxFileSize,
		byTag:   map[string]*cachedFile{},
		making:  make(chan struct{}, makers),
		sizes:   map[string]int64{},
	}
}

func (m *cachedFile) hold() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.users++
}

// release closes the file when nobody holds it any more: its bytes are gone then.
func (m *cachedFile) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.users--
	if m.users == 0 && m.file != nil {
		m.file.Close()
	}
}

// get gives a file's made shard, held for the caller. The first who asks makes it;
// others wait. What failed is not kept.
//
//	asked first     find: mine ──▶ make ──▶ keep ──▶ ready
//	asked meanwhile find: theirs ──────────────────▶ ready, or failed: from the beginning
//
// A file has one user more than those who read it, the cache, until newer ones come.
func (c *fileCache) get(ctx context.Context, f *File, who schemas.ParticipantID) (*cachedFile, error) {
	for {
		m, mine := c.find(f.ETag)
		if mine {
			m.err = c.inTurn(ctx, who, func() error { return c.write(ctx, f, m) })
			c.keep(m)
		}
		select {
		case <-m.ready:
		case <-ctx.Done():
			m.release()
			return nil, ctx.Err()
		}
		if m.err == nil {
			return m, nil
		}
		m.release()
		if mine || ctx.Err() != nil {
			return nil, m.err
		} // the maker's client may have gone away: try ourselves
	}
}

// measure finds a file's size by making it and keeping none of its bytes.
func (c *fileCache) measure(ctx context.Context, f *File, who schemas.ParticipantID) (int64, error) {
	var size int64
	err := c.inTurn(ctx, who, func() error {
		size = c.size(f.ETag)
		if size >= 0 { // who was before made it
			return nil
		}
		mk, err := c.writeTo(ctx, f, io.Discard, math.MaxInt64)
		if err != nil {
			return err
		}
		size = mk.layout.at
		c.remember(f.ETag, size)
		return nil
	})
	return size, err
}

// inTurn does what takes a maker's place when it is the organisation's turn.
func (c *fileCache) inTurn(ctx context.Context, who schemas.ParticipantID, do func() error) error {
	leave, ok := c.turns.Queue(ctx.Done(), who)
	if !ok {
		return ctx.Err()
	}
	defer leave()
	select {
	case c.making <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.making }()
	return do()
}

// size is that of a file which was made before; -1 is not known.
func (c *fileCache) size(tag string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, known := c.sizes[tag]
	if !known {
		return -1
	}
	return n
}

func (c *fileCache) find(tag string) (m *cachedFile, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m = c.byTag[tag]
	if m == nil {
		m, mine = &cachedFile{tag: tag, ready: make(chan struct{}), users: 1}, true // the cache's own hold
		c.byTag[tag] = m
	}
	m.hold()
	return m, mine
}

// keep keeps what was made well and lets go of the oldest.
func (c *fileCache) keep(m *cachedFile) {
	close(m.ready)
	if m.err == nil {
		c.remember(m.tag, m.size)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.err != nil || c.closed {
		delete(c.byTag, m.tag)
		m.release()
		return
	}
	c.recent = append(c.recent, m)
	if len(c.recent) > maxFiles {
		old := c.recent[0]
		c.recent = c.recent[1:]
		delete(c.byTag, old.tag)
		old.release()
	}
}

// remember keeps a size.
func (c *fileCache) remember(tag string, size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sizes) == maxSizes { // a look at one of them costs a GET more, no more
		clear(c.sizes)
	}
	c.sizes[tag] = size
}

func (c *fileCache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, m := range c.recent {
		delete(c.byTag, m.tag)
		m.release()
	}
	c.recent = nil
}

// write writes the file; the release that sends it comes after.
func (c *fileCache) write(ctx context.Context, f *File, m *cachedFile) error {
	out, err := namelessFile(c.tempDir)
	if err != nil {
		return err
	}
	mk, err := c.writeTo(ctx, f, out, c.most)
	if err != nil {
		out.Close()
		return err
	}
	m.file, m.size, m.batches, m.dictionaries = out, mk.layout.at, mk.layout.batchSpans, mk.layout.dictionarySpans
	return nil
}

// writeTo writes the file to out, unless the gateway is closing; most is what it may have.
func (c *fileCache) writeTo(ctx context.Context, f *File, out io.Writer, most int64) (*fileWriter, error) {
	if !c.life.Enter() {
		return nil, release.Stopping()
	}
	defer c.life.Leave()
	mk := &fileWriter{
		life:   c.life,
		src:    f.Source,
		n:      f.Shard,
		out:    bufio.NewWriterSize(out, 1<<20),
		layout: newFileLayout(f.Source.Schema()),
		most:   most,
		rd:     read.NewReader(f.Source, c.open, false),
	}
	return mk, mk.write(ctx)
}
