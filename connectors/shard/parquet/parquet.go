package parquet

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sort"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
)

// Source reads a Parquet file. arrow-go v18 takes the pages apart; what its
// values mean, and how they become columns, is decided here. Its decoders panic on
// some corrupt pages: the source must never run outside the child.
type Source struct {
	data   []byte
	meta   *metadata.FileMetaData
	want   *ipc.Schema // of the table's other shards, nil for the first
	top    []*assembler
	leaves []*node
	notes  []string
}

const (
	maxRows    = 8_192     // rows decoded at a time, fewer where they are large
	maxBytes   = 8 << 20   // bytes after which a batch ends, whatever its rows
	maxPiece   = 192 << 20 // bytes of one page, and of one row
	bigPiece   = 32 << 20  // bytes of a page worth a collection
	pageBuffer = 1 << 16
)

// Open reads the footer and settles what each column becomes. want may be nil.
func Open(ctx context.Context, data []byte, want *ipc.Schema) (s *Source, err error) {
	if bytes.HasSuffix(data, []byte("PARE")) {
		return nil, ipc.Invalid("the Parquet file is encrypted, its footer too; write it without encryption: the gateway has no keys of others")
	}
	s = &Source{data: data, want: want}
	rd, err := s.open()
	if err != nil {
		return nil, err
	}
	s.meta = rd.MetaData()
	defer func() { // what the library says about a column chunk may be lazily read, and panic
		if recover() != nil {
			err = ipc.Invalid("the footer of the Parquet file is damaged, or newer than this reader")
		}
	}()
	t := &typeResolver{ctx: ctx, source: s, rd: rd, stored: s.storedSchema(), geo: geoEntry(s.meta)}
	if err := t.settle(); err != nil {
		return nil, err
	}
	s.leftOut(t)
	return s, nil
}

// open reads the footer. Pages are then read piece by piece, as their codec allows it.
func (s *Source) open() (rd *file.Reader, err error) {
	defer func() {
		if recover() != nil {
			err = ipc.Invalid("the footer of the Parquet file is damaged, or newer than this reader")
		}
	}()
	props := parquet.NewReaderProperties(cappedAllocator{memory.NewGoAllocator()})
	// Pages are unpacked piece by piece where their codec allows it: one of 150 MiB then takes
	// little more than its values.
	props.BufferedStreamEnabled, props.BufferSize = true, pageBuffer
	props.PageStreamingEnabled = true
	props.MaxCompressedPageSize, props.MaxUncompressedPageSize = maxPiece, maxPiece
	rd, err = file.NewParquetReader(bytes.NewReader(s.data), file.WithReadProps(props))
	if err != nil {
		return nil, ipc.Invalid("%s", openWords(err))
	}
	return rd, nil
}

// Fields are the columns and what was decided about them.
func (s *Source) Fields() ([]arrow.Field, []string) {
	fields := make([]arrow.Field, len(s.top))
	for i, c := range s.top {
		fields[i] = c.field
	}
	return fields, s.notes
}

// leftOut notes the footer's entries that nothing carries on.
func (s *Source) leftOut(t *typeResolver) {
	var keys []string
	for _, k := range s.meta.KeyValueMetadata().Keys() {
		if k != storedSchemaKey && !(k == geoKey && t.geoUsed) && !strings.HasPrefix(k, "ARROW:") {
			keys = append(keys, fmt.Sprintf("%.60q", k))
		}
	}
	sort.Strings(keys)
	if t.stored != nil {
		keys = append(keys, t.stored.ColumnKeys...)
	}
	s.notes = append(s.notes, ipc.MetadataNote(keys)...)
}

// Each decodes one row group after another, some rows at a time.
func (s *Source) Each(ctx context.Context, f func(batch.Rows) error) error {
	rd, err := s.open()
	if err != nil {
		return err
	}
	for g := range rd.NumRowGroups() {
		if err := s.group(ctx, rd, g, f); err != nil {
			return err
		}
	}
	return nil
}

// group decodes one row group. Leaves are read side by side, each as far as all can follow:
// a batch has the rows of the leaf that has fewest, and ends where the bytes of all are
// enough. Rows that get larger make the next batch smaller, at once; smaller ones let it grow
// again by steps of two.
func (s *Source) group(ctx context.Context, rd *file.Reader, g int, f func(batch.Rows) error) error {
	rg := rd.RowGroup(g)
	leaves := make([]*leafReader, len(s.leaves))
	for i, n := range s.leaves {
		l, err := s.leaf(rg, g, i, n)
		if err != nil {
			return err
		}
		leaves[i] = l
	}
	rows, most := rg.NumRows(), max(min(maxRows, maxBytes/(16*max(len(leaves), 1))), 64)
	for done, size := int64(0), most; done < rows; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, left := int(min(int64(size), rows-done)), maxBytes
		for _, l := range leaves {
			l.at = done
			have, err := l.fill(n, left)
			if err != nil {
				return err
			}
			if have == 0 {
				return ipc.Invalid("column %q: row group %d ends after %d of %d rows", l.node.path, g, done, rows)
			}
			n, left = have, max(left-l.size(), 0)
		}
		size = min(most, 2*n)
		b, err := s.batch(leaves, n)
		if err != nil {
			return err
		}
		b.Where = fmt.Sprintf("row group %d, rows from %d on", g, done)
		done += int64(n)
		if err := f(b); err != nil {
			return err
		}
	}
	// The footer says how many rows there are, and readers that believe it would drop the rest.
	for _, l := range leaves {
		if have, err := l.fill(1, 1); err != nil {
			return err
		} else if have > 0 {
			return ipc.Invalid("column %q: row group %d holds more than the %d rows that the footer says", l.node.path, g, rows)
		}
	}
	return nil
}

// batch makes columns of the first n rows of the leaves, and takes them away.
func (s *Source) batch(leaves []*leafReader, n int) (batch.Rows, error) {
	for _, l := range leaves {
		l.cut(n)
	}
	b := batch.Rows{Len: n}
	for _, c := range s.top {
		k, err := c.build(leaves, 0, 0)
		if err == nil && k.Len != n {
			err = fmt.Errorf("%d values in %d rows", k.Len, n)
		}
		if err == nil {
			err = k.Check()
		}
		if err != nil {
			return b, ipc.Invalid("column %q: row group %d, rows from %d on: %w", c.field.Name, leaves[0].group, leaves[0].at, err)
		}
		b.Columns = append(b.Columns, k)
	}
	for _, l := range leaves {
		l.drop()
	}
	return b, nil
}

// cappedAllocator refuses, by a panic, single pieces of memory that no sound
// page or batch needs. The sum is bounded by the child's own limit.
type cappedAllocator struct{ memory.Allocator }

// Allocate gives large pieces room to grow: the pages of a column differ a little in
// size, and each step would leave the last page to the collector.
func (a cappedAllocator) Allocate(size int) []byte {
	a.check(size)
	if size < 1<<20 {
		return a.Allocator.Allocate(size)
	}
	if size > bigPiece {
		runtime.GC() // what is garbage now would stand beside it under the child's limit
	}
	return a.Allocator.Allocate(size + size/16)[:size]
}

// Reallocate keeps what is large enough.
func (a cappedAllocator) Reallocate(size int, b []byte) []byte {
	a.check(size)
	if cap(b) >= size {
		return b[:size]
	}
	to := a.Allocate(size)
	copy(to, b)
	return to
}

func (a cappedAllocator) check(size int) {
	if size < 0 || size > maxPiece {
		panic(tooLarge(size))
	}
}

// tooLarge is what the decoder asked for in bytes.
type tooLarge int

// Error says what the limit is.
func (n tooLarge) Error() string {
	return fmt.Sprintf("a page asks for %d bytes at once (limit %d MiB); write it with smaller pages", int(n), maxPiece>>20)
}

// openWords says why a footer is not read; the library's own words are its parser's.
func openWords(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "magic bytes not found"):
		return "the file does not end as a Parquet file does: it is cut, or something was appended to it"
	case strings.Contains(text, "smaller than indicated"), strings.Contains(text, "too small"):
		return "the file is smaller than its footer: it is cut"
	}
	return "the footer of the Parquet file is damaged, or newer than this reader"
}

// pageWords says why a page is not read.
func pageWords(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "exceeds configured limit"):
		return fmt.Sprintf("holds a page of more than %d MiB; write it with smaller pages", maxPiece>>20)
	case strings.Contains(text, "dictionary page must be before"):
		return "is damaged: its dictionary is missing"
	case strings.Contains(text, "unknown encoding type"):
		return "is damaged, or has an encoding that is not read; write it with PLAIN or a dictionary"
	case strings.Contains(text, "decompress"), strings.Contains(text, "bytes uncompressed"):
		return "is damaged: a page cannot be unpacked"
	}
	return "is damaged: a page does not hold what its header says"
}
