package stream

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/shard"
	"guichet/schemas"
)

// The temporary files of changed shards: how many are kept for the next range, and
// how large one may be.
const (
	maxFiles    = 8
	maxFileSize = 4 << 30
	maxSizes    = 10_000 // that are remembered, for looks at files
)

// files makes and keeps the shards that views change, by their tags.
type files struct {
	making chan struct{} // one place for each file that is being made
	turns  turns
	sizes  map[string]int64 // of files that were made, by their tags
	engine *Engine
	mu     sync.Mutex
	byTag  map[string]*made
	recent []*made // the last used one last
	closed bool
}

// made is one changed shard. Its users and the cache hold it open.
type made struct {
	tag    string
	ready  chan struct{} // closed when it is made or failed
	file   *os.File
	size   int64
	spans  []rowSpan
	values []rowSpan
	err    error
	mu     sync.Mutex
	users  int
}

// makers is how many files are made at once, each of which may take disk up to a shard's
// size; and as many indexes.
const makers = 2

func newFiles(e *Engine) *files {
	return &files{engine: e, byTag: map[string]*made{}, making: make(chan struct{}, makers), sizes: map[string]int64{}}
}

func (m *made) hold() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.users++
}

// release closes the file when nobody holds it any more: its bytes are gone then.
func (m *made) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.users--
	if m.users == 0 && m.file != nil {
		m.file.Close()
	}
}

// get gives a file's made shard, held for the caller. The first who asks makes it;
// others wait. What failed is not kept.
func (fs *files) get(ctx context.Context, f *File, who schemas.ParticipantID) (*made, error) {
	for {
		m, mine := fs.find(f.ETag)
		if mine {
			m.err = fs.make(ctx, f, m, who)
			fs.settle(m)
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

// make waits for its turn.
func (fs *files) make(ctx context.Context, f *File, m *made, who schemas.ParticipantID) error {
	leave, ok := fs.turns.queue(ctx.Done(), who)
	if !ok {
		return ctx.Err()
	}
	defer leave()
	select {
	case fs.making <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-fs.making }()
	return fs.engine.makeFile(ctx, f, m)
}

// size is that of a file which was made before; -1 is not known.
func (fs *files) size(tag string) int64 {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	n, known := fs.sizes[tag]
	if !known {
		return -1
	}
	return n
}

func (fs *files) find(tag string) (m *made, mine bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	m = fs.byTag[tag]
	if m == nil {
		m, mine = &made{tag: tag, ready: make(chan struct{}), users: 1}, true // the cache's own hold
		fs.byTag[tag] = m
	}
	m.hold()
	return m, mine
}

// settle keeps what was made well and lets go of the oldest.
func (fs *files) settle(m *made) {
	close(m.ready)
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if m.err != nil || fs.closed {
		delete(fs.byTag, m.tag)
		m.release()
		return
	}
	if len(fs.sizes) == maxSizes {
		clear(fs.sizes)
	}
	fs.sizes[m.tag] = m.size
	fs.recent = append(fs.recent, m)
	if len(fs.recent) > maxFiles {
		old := fs.recent[0]
		fs.recent = fs.recent[1:]
		delete(fs.byTag, old.tag)
		old.release()
	}
}

func (fs *files) close() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.closed = true
	for _, m := range fs.recent {
		delete(fs.byTag, m.tag)
		m.release()
	}
	fs.recent = nil
}

// maker writes one changed shard.
type maker struct {
	engine *Engine
	src    *Source
	rd     *reader
	n      int
	out    *bufio.Writer
	layout *layout
	used   *usedValues // of a filtering view's dictionaries
}

// makeFile writes the file; the release that sends it comes after.
func (e *Engine) makeFile(ctx context.Context, f *File, m *made) error {
	if !e.enter() {
		return stopping()
	}
	defer e.running.Done()
	out, err := e.unlinked()
	if err != nil {
		return err
	}
	mk := &maker{engine: e, src: f.Source, n: f.Shard, out: bufio.NewWriterSize(out, 1<<20), layout: newLayout(f.Source.Schema()),
		rd: &reader{source: f.Source, open: e.Store, buffers: e.buffers, decoders: map[int]*opened{}}}
	err = mk.write(ctx)
	if err != nil {
		out.Close()
		return err
	}
	m.file, m.size, m.spans, m.values = out, mk.layout.at, mk.layout.spans, mk.layout.values
	return nil
}

func (mk *maker) write(ctx context.Context) (err error) {
	defer foreign(&err)
	schema := mk.src.Schema()
	err = mk.put(append(shard.FileStart(), schema...))
	if err != nil {
		return err
	}
	if mk.src.view.Filter != nil && len(mk.src.view.Dictionaries) > 0 {
		err = mk.collect(ctx)
	}
	if err == nil {
		err = mk.messages(ctx)
	}
	if err != nil {
		return err
	}
	footer, err := shard.FileFooter(schema, mk.layout.dicts, mk.layout.batches)
	if err != nil {
		return fmt.Errorf("lay out shard %d: %w", mk.n, err)
	}
	err = mk.put(footer)
	if err == nil {
		mk.layout.at += int64(len(footer))
		err = full(mk.out.Flush())
	}
	return err
}

func full(err error) error {
	if err == nil {
		return nil
	}
	return &schemas.Error{Kind: schemas.Unavailable, Subject: "shard", Message: "the gateway cannot write a temporary file", Remedy: "the operator looks at the free disk space", Err: err}
}

func (mk *maker) put(p []byte) error {
	_, err := mk.out.Write(p)
	return full(err)
}

func (mk *maker) message(m Message) error {
	if mk.layout.at+int64(len(m.Bytes)) > maxFileSize {
		return &schemas.Error{Kind: schemas.TooLarge, Subject: fmt.Sprint(mk.n), Message: fmt.Sprintf("the agreement changes this shard, and as a file it would have more than %d bytes", int64(maxFileSize)), Remedy: "read it by /stream"}
	}
	mk.layout.add(int32(m.Meta), int64(len(m.Bytes)-m.Meta), m.Rows)
	return mk.put(m.Bytes)
}

// reads gives the ranges of the shard.
func (mk *maker) reads() []read {
	return mk.src.reads(mk.src.slices([]schemas.Segment{segment(mk.n, 0, mk.src.shardRows(mk.n))}), maxRead)
}

// messages writes every message of the shard. An IPC file has each dictionary once,
// so a filtering view's batches refer to those that collect made.
func (mk *maker) messages(ctx context.Context) error {
	if mk.used != nil {
		return mk.each(ctx, func(rec arrow.Record) error {
			p, err := shard.EncodeRecord(mk.used.refer(rec), 0, rec.NumRows())
			if err != nil {
				return err
			}
			return mk.message(message(p, rec.NumRows()))
		})
	}
	for i, one := range mk.reads() {
		if mk.engine.Closing() {
			return stopping()
		}
		res := mk.rd.fetch(ctx, one, i == 0)
		if res.err != nil {
			return res.err
		}
		for _, m := range res.messages {
			err := mk.message(m)
			if err != nil {
				return err
			}
		}
		mk.rd.free(res)
	}
	return nil
}

// each gives the batches of a filtering view one after another, with the dictionaries
// of the shard.
func (mk *maker) each(ctx context.Context, do func(rec arrow.Record) error) error {
	for _, one := range mk.reads() {
		if mk.engine.Closing() {
			return stopping()
		}
		err := mk.rd.each(ctx, one, func(parts []shard.Part) error {
			g, err := mk.src.view.Gather(parts, false)
			if err != nil {
				return err
			}
			return do(g.Record())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// collect finds the dictionary values that the visible rows use, and writes the
// dictionaries.
func (mk *maker) collect(ctx context.Context) error {
	mk.used = &usedValues{}
	err := mk.each(ctx, func(rec arrow.Record) error {
		mk.used.see(rec)
		return nil
	})
	if err != nil || mk.used.columns == nil {
		return err
	}
	msgs, err := mk.used.messages(slices.Clone(mk.src.view.Fields))
	if err != nil {
		return err
	}
	for _, m := range msgs {
		err := mk.message(message(m, 0))
		if err != nil {
			return err
		}
	}
	return nil
}
