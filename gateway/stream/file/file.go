package file

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sort"
	"time"

	"guichet/connectors/ipc"
	"guichet/connectors/s3"
	"guichet/gateway/stream/memory"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/release"
	"guichet/schemas"
)

// File is one shard as a view shows it, as an Arrow IPC file. Where the view changes
// nothing its layout is computed and its bytes are read from the store as they are
// asked for; else it was made once, into a temporary file without a name. Close it.
type File struct {
	Source       *plan.Source
	Shard        int
	Size         int64
	ETag         string // opaque, without quotes; another for other bytes
	sections     []section
	batches      []batchSpan
	dictionaries []batchSpan // of dictionaries: values of any row
	cached       *cachedFile
	group        *group // of objects; nil: ranges of this file alone are one release
}

// section is a run of the file's bytes: in memory, or in the store.
type section struct {
	at     int64 // in the file
	n      int64
	memory []byte
	offset int64 // in the object, where memory is nil
}

// batchSpan is where a batch lies in the file.
type batchSpan struct{ from, to, rows int64 }

// Range is bytes [From, From+N) of a file.
type Range struct{ From, N int64 }

// Files serves shards as files. Safe for concurrent use.
type Files struct {
	open     read.Opener
	budget   *memory.Budget
	keeper   *release.Keeper
	life     *release.Lifecycle
	idle     time.Duration // the longest that a client may take for its next bytes
	now      func() time.Time
	cache    *fileCache
	sessions sessions
	chunks   chunks
}

// Config is what Files are made of.
type Config struct {
	Open    read.Opener
	Budget  *memory.Budget // of all streams' memory
	Keeper  *release.Keeper
	Life    *release.Lifecycle
	Idle    time.Duration // the longest that a client may take for its next bytes
	Now     func() time.Time
	TempDir string // for shards that views change; the system's when empty
}

// New serves shards as files.
func New(c Config) *Files {
	return &Files{
		open: c.Open, budget: c.Budget, keeper: c.Keeper, life: c.Life, idle: c.Idle, now: c.Now,
		cache:    newFileCache(c.Open, c.Life, c.TempDir),
		sessions: sessions{open: map[sessionKey]*rangeSession{}},
	}
}

// Close lets go of all files; nothing runs any more.
func (s *Files) Close() { s.cache.close() }

// Look finds shard n of a source and makes nothing: Size is -1 where the file would have
// to be made for it. Errors: NotFound.
func (s *Files) Look(src *plan.Source, n int) (*File, error) {
	if n < 0 || n >= src.NumShards() {
		return nil, schemas.Errorf(schemas.NotFound, fmt.Sprint(n), "there is no shard %d; %s/%s has %d", n, src.Table.Name, src.Split.Name,
			src.NumShards())
	}
	f := &File{Source: src, Shard: n, ETag: tagOf(src, n)}
	if src.View.Raw() {
		return f, f.layOut()
	}
	f.Size = f.predictedSize()
	if f.Size < 0 {
		f.Size = s.cache.size(f.ETag)
	}
	return f, nil
}

// Measure finds the tag and the exact size of shard n of a source for somebody of an
// organisation. Where only making the file tells the size, it is made for that, without being
// kept, whatever it has. Sizes are remembered. Errors as Open, but not TooLarge.
func (s *Files) Measure(ctx context.Context, src *plan.Source, n int, who schemas.ParticipantID) (tag string, size int64, err error) {
	if n >= 0 && n < src.NumShards() {
		tag = tagOf(src, n)
		size = s.cache.size(tag)
		if size >= 0 {
			return tag, size, nil
		}
	}
	f, err := s.Look(src, n)
	if err != nil {
		return "", -1, err
	}
	if f.Size >= 0 {
		s.cache.remember(tag, f.Size)
		return tag, f.Size, nil
	}
	size, err = s.cache.measure(ctx, f, who)
	return tag, size, err
}

// predictedSize gives the size of a file of which columns are left out, and -1 for other
// changes.
func (f *File) predictedSize() int64 {
	v, sh := f.Source.View, f.Source.StoredShard(f.Shard)
	if f.Source.Regrouped() || len(v.Edited) > 0 {
		return -1
	}
	l := newFileLayout(v.Schema)
	for _, d := range f.Source.SharedDictionaries(f.Shard) {
		l.add(d.Meta, d.Body, 0)
	}
	for _, b := range sh.Batches {
		if len(b.Columns) != v.Table.NumFields() {
			return -1
		}
		if b.Rows == 0 {
			continue
		}
		body := v.Body(b, b.Rows)
		if body == 0 {
			return -1 // nulls alone: metadata that tells of no body is shorter than the frame
		}
		l.add(int32(v.Frame), body, b.Rows)
	}
	footer, err := ipc.FileFooter(v.Schema, l.dicts, l.batches)
	if err != nil {
		return -1
	}
	return l.at + int64(len(footer))
}

// Open finds shard n of a source for somebody of an organisation. Errors as Look;
// TooLarge (a shard that a view changes, beyond what one temporary file may have), those
// of the store.
func (s *Files) Open(ctx context.Context, src *plan.Source, n int, who schemas.ParticipantID) (*File, error) {
	f, err := s.Look(src, n)
	if err != nil || src.View.Raw() {
		return f, err
	}
	m, err := s.cache.get(ctx, f, who)
	if err != nil {
		return nil, err
	}
	f.cached, f.Size, f.batches, f.dictionaries = m, m.size, m.batches, m.dictionaries
	return f, nil
}

// Close lets go of the file.
func (f *File) Close() {
	if f.cached != nil {
		f.cached.release()
	}
}

// tagOf names a shard's bytes under a view. Its number is that of the form of changed
// shards, which was another once; raw ones have had one form.
func tagOf(s *plan.Source, n int) string {
	h, form := sha256.New(), 2
	if s.View.Raw() {
		form = 1
	}
	fmt.Fprintf(h, "guichet file %d\x00%s\x00%s\x00%s\x00%s\x00%d\x00%s\x00%s", form, s.Version.Dataset, s.Version.Version, s.Table.Name,
		s.Split.Name, n, s.StoredShard(n).ETag, s.View.Digest)
	h.Write(s.View.Schema)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// layOut computes the layout of a shard whose bytes pass unchanged.
func (f *File) layOut() error {
	sh := f.Source.StoredShard(f.Shard)
	schema := f.Source.Schema()
	l := newFileLayout(schema)
	f.memory(append(ipc.FileStart(), schema...))
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
	footer, err := ipc.FileFooter(schema, l.dicts, l.batches)
	if err != nil {
		return fmt.Errorf("lay out shard %d: %w", f.Shard, err)
	}
	f.memory(footer)
	f.batches, f.dictionaries = l.batchSpans, l.dictionarySpans
	return nil
}

func (f *File) memory(p []byte) {
	f.sections = append(f.sections, section{at: f.Size, n: int64(len(p)), memory: p})
	f.Size += int64(len(p))
}

func (f *File) stored(b schemas.Block) {
	if i := len(f.sections) - 1; f.sections[i].memory == nil && f.sections[i].offset+f.sections[i].n == b.Offset {
		f.sections[i].n += b.Len()
	} else {
		f.sections = append(f.sections, section{at: f.Size, n: b.Len(), offset: b.Offset})
	}
	f.Size += b.Len()
}

// Touched gives the batches that a range touches, first up to but without last, and
// their rows. A dictionary has values of every row of the shard, so who touches one
// touches all of its batches.
func (f *File) Touched(r Range) (first, last int, rows int64) {
	if f.touchesDictionary(r) {
		for _, sp := range f.batches {
			rows += sp.rows
		}
		return 0, len(f.batches), rows
	}
	first = sort.Search(len(f.batches), func(i int) bool { return f.batches[i].to > r.From })
	last = first
	for last < len(f.batches) && f.batches[last].from < r.From+r.N {
		rows += f.batches[last].rows
		last++
	}
	return first, last, rows
}

// touchesDictionary says whether a range has bytes of a dictionary.
func (f *File) touchesDictionary(r Range) bool {
	for _, v := range f.dictionaries {
		if v.from < r.From+r.N && r.From < v.to {
			return true
		}
	}
	return false
}

// open reads a range of the file, whose store is from; nil where it was made. known are
// messages that need not be compared again.
func (f *File) open(ctx context.Context, from *s3.Store, rg Range, known *comparedMessages) (*sectionReader, error) {
	if f.cached != nil {
		made := section{at: rg.From, n: rg.N}
		return &sectionReader{left: []section{made}, open: func(section) (io.ReadCloser, error) {
			return io.NopCloser(io.NewSectionReader(f.cached.file, rg.From, rg.N)), nil
		}}, nil
	}
	sh := f.Source.StoredShard(f.Shard)
	_, _, file := f.joined()
	return &sectionReader{left: f.within(rg), open: func(p section) (io.ReadCloser, error) {
		c := &comparingReader{left: p.n, file: file, known: known}
		at, n := p.offset, p.n
		if !from.Own() {
			c.list, at, n = surroundings(sh, p.offset, p.n, file, known)
		}
		body, err := from.OpenBody(ctx, sh.Bucket, sh.Key, sh.ETag, at, n, sh.Size)
		if err != nil {
			return nil, read.RedactLocation(f.Source.Name(), err)
		}
		mine := redactedBody{body, f.Source.Name()}
		if from.Own() { // nothing is looked at
			return mine, nil
		}
		c.skip, c.body = p.offset-at, mine
		return c, nil
	}}, nil
}

// within gives the parts of the file's sections that a range holds. Of memory 0-99, stored
// 100-899 (at 4096 of the object) and memory 900-999, bytes 90-149 are memory 90-99 and the
// object's bytes 4096-4145.
func (f *File) within(rg Range) []section {
	var out []section
	for _, p := range f.sections {
		lo, hi := max(p.at, rg.From), min(p.at+p.n, rg.From+rg.N)
		if lo >= hi {
			continue
		}
		skip := lo - p.at
		part := section{at: lo, n: hi - lo, offset: p.offset + skip}
		if p.memory != nil {
			part.memory = p.memory[skip : skip+part.n]
		}
		out = append(out, part)
	}
	return out
}
