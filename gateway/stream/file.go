package stream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"sync/atomic"

	"guichet/connectors/shard"
	"guichet/policy"
	"guichet/schemas"
)

// File is one shard as a view shows it, as an Arrow IPC file. Where the view changes
// nothing its layout is computed and its bytes are read from the store as they are
// asked for; else it was made once, into an unlinked temporary file. Close it.
type File struct {
	Source *Source
	Shard  int
	Size   int64
	ETag   string // opaque, without quotes; another for other bytes
	pieces []piecePlace
	spans  []rowSpan
	values []rowSpan // of dictionaries: values of any row
	local  *made
}

// piecePlace is a run of the file's bytes: in memory, or in the store.
type piecePlace struct {
	at     int64 // in the file
	n      int64
	memory []byte
	offset int64 // in the object, where memory is nil
}

// rowSpan is where a batch lies in the file.
type rowSpan struct{ from, to, rows int64 }

// Range is bytes [From, From+N) of a file.
type Range struct{ From, N int64 }

// FileSink is a door's end of a file's release: Begin comes once, when the release
// is durable, then Write for each run of bytes.
type FileSink interface {
	Begin(ctx context.Context, r schemas.Release, f *File) error
	Write(p []byte) error
}

// Look finds shard n of a source and makes nothing: Size is -1 where the file would have
// to be made for it. Errors: NotFound.
func (e *Engine) Look(src *Source, n int) (*File, error) {
	if n < 0 || n >= len(src.shards) {
		return nil, schemas.Errorf(schemas.NotFound, fmt.Sprint(n), "there is no shard %d; %s/%s has %d", n, src.Table.Name, src.Split.Name, len(src.shards))
	}
	f := &File{Source: src, Shard: n, ETag: src.fileTag(n)}
	if src.view.Raw() {
		return f, f.lay()
	}
	f.Size = f.foretold()
	if f.Size < 0 {
		f.Size = e.files.size(f.ETag)
	}
	return f, nil
}

// foretold gives the size of a file of which columns are left out, and -1 for other
// changes.
func (f *File) foretold() int64 {
	v, sh := f.Source.view, f.Source.shard(f.Shard)
	if v.Filter != nil || len(v.Edited) > 0 {
		return -1
	}
	l := newLayout(v.Schema)
	for _, d := range f.Source.dictionaries(f.Shard) {
		l.add(d.Meta, d.Body, 0)
	}
	for _, b := range sh.Batches {
		if len(b.Columns) != v.Table.NumFields() {
			return -1
		}
		if b.Rows > 0 {
			l.add(int32(v.Frame), v.Body(b, b.Rows), b.Rows)
		}
	}
	footer, err := shard.FileFooter(v.Schema, l.dicts, l.batches)
	if err != nil {
		return -1
	}
	return l.at + int64(len(footer))
}

// File finds shard n of a source for somebody of an organisation. Errors as Look;
// TooLarge (a shard that a view changes, beyond what one temporary file may have), those
// of the store.
func (e *Engine) File(ctx context.Context, src *Source, n int, who schemas.ParticipantID) (*File, error) {
	f, err := e.Look(src, n)
	if err != nil || src.view.Raw() {
		return f, err
	}
	m, err := e.files.get(ctx, f, who)
	if err != nil {
		return nil, err
	}
	f.local, f.Size, f.spans, f.values = m, m.size, m.spans, m.values
	return f, nil
}

// Close lets go of the file.
func (f *File) Close() {
	if f.local != nil {
		f.local.release()
	}
}

// fileTag names a shard's bytes under a view. Its number is that of the form of changed
// shards, which was another once; raw ones have had one form.
func (s *Source) fileTag(n int) string {
	h, form := sha256.New(), 2
	if s.view.Raw() {
		form = 1
	}
	fmt.Fprintf(h, "guichet file %d\x00%s\x00%s\x00%s\x00%s\x00%d\x00%s\x00%s", form, s.Version.Dataset, s.Version.Version, s.Table.Name, s.Split.Name, n, s.shard(n).ETag, s.view.Digest)
	h.Write(s.view.Schema)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// layout collects the places of a file's messages.
type layout struct {
	at      int64
	dicts   []schemas.Block
	batches []schemas.Block
	spans   []rowSpan
	values  []rowSpan
}

func newLayout(schema []byte) *layout {
	return &layout{at: int64(len(shard.FileStart()) + len(schema))}
}

// add places one message at the end.
func (l *layout) add(meta int32, body, rows int64) {
	b := schemas.Block{Offset: l.at, Meta: meta, Body: body, Rows: rows}
	if rows > 0 {
		l.batches = append(l.batches, b)
		l.spans = append(l.spans, rowSpan{l.at, l.at + b.Len(), rows})
	} else {
		l.dicts = append(l.dicts, b)
		l.values = append(l.values, rowSpan{from: l.at + int64(meta), to: l.at + b.Len()})
	}
	l.at += b.Len()
}

// lay computes the layout of a shard whose bytes pass unchanged.
func (f *File) lay() error {
	sh := f.Source.shard(f.Shard)
	schema := f.Source.Schema()
	l := newLayout(schema)
	f.memory(append(shard.FileStart(), schema...))
	for _, b := range sh.Dictionaries {
		f.stored(b)
		l.add(b.Meta, b.Body, 0)
	}
	for _, b := range sh.Batches {
		if b.Rows == 0 {
			continue
		}
		f.stored(b)
		l.add(b.Meta, b.Body, b.Rows)
	}
	footer, err := shard.FileFooter(schema, l.dicts, l.batches)
	if err != nil {
		return fmt.Errorf("lay out shard %d: %w", f.Shard, err)
	}
	f.memory(footer)
	f.spans, f.values = l.spans, l.values
	return nil
}

func (f *File) memory(p []byte) {
	f.pieces = append(f.pieces, piecePlace{at: f.Size, n: int64(len(p)), memory: p})
	f.Size += int64(len(p))
}

func (f *File) stored(b schemas.Block) {
	if i := len(f.pieces) - 1; f.pieces[i].memory == nil && f.pieces[i].offset+f.pieces[i].n == b.Offset {
		f.pieces[i].n += b.Len()
	} else {
		f.pieces = append(f.pieces, piecePlace{at: f.Size, n: b.Len(), offset: b.Offset})
	}
	f.Size += b.Len()
}

// Touched gives the batches that a range touches, first up to but without last, and
// their rows. A dictionary has values of every row of the shard, so who touches one
// touches all of its batches.
func (f *File) Touched(r Range) (first, last int, rows int64) {
	if f.valued(r) {
		for _, sp := range f.spans {
			rows += sp.rows
		}
		return 0, len(f.spans), rows
	}
	first = sort.Search(len(f.spans), func(i int) bool { return f.spans[i].to > r.From })
	last = first
	for last < len(f.spans) && f.spans[last].from < r.From+r.N {
		rows += f.spans[last].rows
		last++
	}
	return first, last, rows
}

// valued says whether a range has bytes of a dictionary.
func (f *File) valued(r Range) bool {
	for _, v := range f.values {
		if v.from < r.From+r.N && r.From < v.to {
			return true
		}
	}
	return false
}

// SendFile sends a range of a file to a sink, as part of the release that all ranges
// of the file under one lease join: its rows are those of the batches that they touch,
// its bytes those that are sent. Errors and cut as of Run.
func (e *Engine) SendFile(ctx context.Context, g policy.Grant, f *File, rg Range, sink FileSink, cut func()) error {
	n := min(fileChunk, rg.N)
	err := e.room.admit(g.Lease().Participant, n)
	if err != nil {
		return err
	}
	defer e.room.leave(g.Lease().Participant, n)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if cut != nil {
		defer onCut(ctx, cut)()
	}
	r, err := e.join(ctx, g, f, cancel)
	if err == nil {
		r, err = e.copyFile(ctx, g, f, rg, r, sink, cancel)
	}
	r.leave(ctx, err)
	return err
}

// fileChunk is how much of a file leaves between two looks at the agreement.
const fileChunk = 512 << 10

// copyFile sends chunk by chunk, and goes on in the next release when the first one
// covers no more. It gives the one that the range is in.
func (e *Engine) copyFile(ctx context.Context, g policy.Grant, f *File, rg Range, r *joined, sink FileSink, cut context.CancelCauseFunc) (*joined, error) {
	from, err := f.open(ctx, e, rg, &r.joint.whole)
	if err != nil {
		return r, err
	}
	defer from.Close()
	buf := make([]byte, min(fileChunk, rg.N))
	var sent atomic.Int64
	pace := newPace(e.Idle, func() { cut(silent(e.Idle, fmt.Sprintf("Range: bytes=%d-", rg.From+sent.Load()))) })
	for at, end := rg.From, rg.From+rg.N; at < end; {
		part := Range{at, min(int64(len(buf)), end-at)}
		_, err := io.ReadFull(from, buf[:part.N])
		if err != nil {
			return r, fmt.Errorf("read shard %d: %w", f.Shard, err)
		}
		err = e.allow(ctx)
		for full := true; full && err == nil; {
			full, err = r.take(ctx, e, f, part)
			if full || err != nil { // who asks later is judged by the budget as it is then
				e.joints.close(r.joint)
			}
			if full {
				r.leave(ctx, nil)
				r, err = e.join(ctx, g, f, cut)
			}
		}
		if err == nil && at == rg.From { // what the store refuses is refused in words
			err = pace.during(func() error { return sink.Begin(pace.with(ctx), r.begun(), f) })
		}
		if err == nil {
			err = pace.during(func() error { return sink.Write(buf[:part.N]) })
		}
		if err != nil {
			return r, err
		}
		at += part.N
		sent.Add(part.N)
	}
	if stopped, ok := errors.AsType[*Cut](context.Cause(ctx)); ok {
		return r, stopped
	}
	return r, nil // a client that has everything may be gone already
}

// open reads a range of the file. known are messages that need not be compared again.
func (f *File) open(ctx context.Context, e *Engine, rg Range, known *whole) (io.ReadCloser, error) {
	if f.local != nil {
		return io.NopCloser(io.NewSectionReader(f.local.file, rg.From, rg.N)), nil
	}
	sh := f.Source.shard(f.Shard)
	store, err := e.Store(ctx, sh.Store)
	if err != nil {
		return nil, f.Source.unnamed(err)
	}
	s := &storedRange{left: f.within(rg)}
	s.open = func(p piecePlace) (io.ReadCloser, error) {
		c := &comparing{left: p.n, whole: known}
		from, n := p.offset, p.n
		if !store.Own() {
			c.list, from, n = around(sh, p.offset, p.n, known)
		}
		body, err := store.Open(ctx, sh.Bucket, sh.Key, sh.ETag, from, n)
		if err != nil {
			return nil, f.Source.unnamed(err)
		}
		c.skip, c.body = p.offset-from, unnamedBody{body, f.Source}
		return c, nil
	}
	return s, nil
}

// within gives the parts of the file's pieces that a range holds.
func (f *File) within(rg Range) []piecePlace {
	var out []piecePlace
	for _, p := range f.pieces {
		lo, hi := max(p.at, rg.From), min(p.at+p.n, rg.From+rg.N)
		if lo >= hi {
			continue
		}
		skip := lo - p.at
		part := piecePlace{at: lo, n: hi - lo, offset: p.offset + skip}
		if p.memory != nil {
			part.memory = p.memory[skip : skip+part.n]
		}
		out = append(out, part)
	}
	return out
}

// storedRange reads pieces one after another; each stored one by one ranged read
// that is pinned to the published object.
type storedRange struct {
	left []piecePlace
	open func(piecePlace) (io.ReadCloser, error)
	body io.ReadCloser
	n    int64 // still to come of body
}

func (s *storedRange) Read(p []byte) (int, error) {
	for s.body == nil {
		if len(s.left) == 0 {
			return 0, io.EOF
		}
		next := s.left[0]
		if next.memory != nil {
			n := copy(p, next.memory)
			s.left[0].memory = next.memory[n:]
			if n == len(next.memory) {
				s.left = s.left[1:]
			}
			return n, nil
		}
		body, err := s.open(next)
		if err != nil {
			return 0, err
		}
		s.body, s.n, s.left = body, next.n, s.left[1:]
	}
	n, err := s.body.Read(p[:min(int64(len(p)), s.n)])
	s.n -= int64(n)
	switch {
	case s.n == 0:
		err = s.body.Close()
		s.body = nil
	case err == io.EOF: //nolint:errorlint // io.Reader's contract
		err = &schemas.Error{Kind: schemas.Unavailable, Subject: "store", Message: "the store ended a shard in the middle", Remedy: "try again", Err: io.ErrUnexpectedEOF}
	}
	return n, err
}

func (s *storedRange) Close() error {
	if s.body != nil {
		return s.body.Close()
	}
	return nil
}

// unlinked makes a temporary file that has no name, so that nothing is left of it
// whatever happens to us.
func (e *Engine) unlinked() (*os.File, error) {
	f, err := os.CreateTemp(e.TempDir, "shard-*.arrow")
	if err == nil {
		err = os.Remove(f.Name())
	}
	if err != nil {
		return nil, &schemas.Error{Kind: schemas.Unavailable, Subject: "shard", Message: "the gateway cannot write a temporary file", Remedy: "the operator looks at the free disk space", Err: err}
	}
	return f, nil
}
