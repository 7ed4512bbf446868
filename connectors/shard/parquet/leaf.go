package parquet

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"

	"guichet/connectors/ipc"
)

// leafReader holds the decoded levels and values of one leaf of one row group that no
// batch has taken yet. Values stand close together: nulls have levels alone.
type leafReader struct {
	node  *node
	rd    file.ColumnChunkReader
	group int
	at    int64 // row of the group that the first level belongs to

	def, rep []int16 // of each level; def is empty where nothing can be null
	levels   int
	starts   int   // levels that begin a row
	lastDef  int16 // of the newest level
	fixed    []byte
	offs     []int32 // of byte arrays, one more than values
	data     []byte
	seen     int64 // levels decoded
	values   int64 // levels that the footer promises
	ended    bool
	given    bool // fixed is a column's now
	held     pageValues

	cutLevels, cutValues int // what the batch in the making takes
}

// pageValues are decoded byte arrays that still lie in the page: they are copied
// before the next page is asked for, and only as many as memory bounds allow.
type pageValues struct {
	def, rep []int16
	values   [][]byte
	at, to   int // levels
	val      int // first value not copied
}

// maxEmpty is the most pages without values in one column of a row group.
const maxEmpty = 1000

// leaf opens column i of a row group.
func (s *Source) leaf(rg *file.RowGroupReader, g, i int, n *node) (l *leafReader, err error) {
	defer damaged(&err, n, g, 0)
	l = &leafReader{node: n, group: g, offs: []int32{0}}
	if l.rd, err = rg.Column(i); err != nil {
		return nil, pageError(err, n, g, 0)
	}
	chunk, err := rg.MetaData().ColumnChunk(i)
	if err != nil {
		return nil, pageError(err, n, g, 0)
	}
	l.values = chunk.NumValues()
	return l, nil
}

// damaged puts a panic of the page decoder in words.
func damaged(err *error, n *node, g int, row int64) {
	if p := recover(); p != nil {
		if big, ok := p.(tooLarge); ok {
			*err = ipc.Invalid("column %q: row group %d, from row %d on: %w", n.path, g, row, big)
			return
		}
		*err = ipc.Invalid("column %q: row group %d, from row %d on, is damaged: a page does not hold what its header says", n.path, g, row)
	}
}

func pageError(err error, n *node, g int, row int64) error {
	if strings.Contains(err.Error(), "exceeds INT32 range") {
		return ipc.Invalid("column %q: row group %d has steps of more than 32 bits in DELTA_BINARY_PACKED, which the format forbids "+
			"(DuckDB 2 writes them with PARQUET_VERSION v2); write it without PARQUET_VERSION v2, or the column as BIGINT", n.path, g)
	}
	return ipc.Invalid("column %q: row group %d, from row %d on, %s", n.path, g, row, pageWords(err))
}

// size is the bytes held in copies, levels included: a list of nulls is levels alone.
func (l *leafReader) size() int {
	return len(l.fixed) + len(l.data) + 4*len(l.offs) + 2*len(l.def) + 2*len(l.rep)
}

// whole is the number of complete rows.
func (l *leafReader) whole() int {
	if l.node.maxRep == 0 || l.ended {
		return l.starts
	}
	return max(l.starts-1, 0)
}

// fill decodes until n rows are complete, or one is and limit bytes are held. It
// gives the complete rows, at most n; 0 at the end of the row group. The last row of a
// repeated leaf is complete only when the next begins, or the row group ends.
func (l *leafReader) fill(n, limit int) (int, error) {
	for {
		rows, size := l.whole(), l.size()
		switch {
		case rows >= n || l.ended || rows > 0 && size >= limit:
			return min(rows, n), nil
		case size > maxPiece:
			return 0, ipc.Invalid("column %q: row %d of row group %d holds more than %d MiB", l.node.path, l.at, l.group, maxPiece>>20)
		}
		if err := l.more(n-rows, max(limit-size, 0)); err != nil {
			return 0, err
		}
	}
}

// more decodes some levels, about want rows of them. Lists make more levels than rows, so
// for them it is a page's worth.
func (l *leafReader) more(want, limit int) (err error) {
	defer damaged(&err, l.node, l.group, l.at+int64(l.starts))
	if l.held.at < l.held.to {
		l.take(limit)
		return nil
	}
	for empty := 0; !l.rd.HasNext(); empty++ {
		if err := l.rd.Err(); err != nil {
			return pageError(err, l.node, l.group, l.at+int64(l.starts))
		}
		if l.ended = l.seen >= l.values || empty == maxEmpty; l.ended {
			return nil
		} // a page without values looks like the end
	}
	// Asking a flat leaf for more than is wanted would copy rows twice: once to the batch and
	// once to the front when it is taken away.
	n := maxRows
	if l.node.maxRep == 0 {
		n = min(n, want)
	}
	if l.node.inPage() {
		return l.hold(n, limit)
	}
	return l.direct(n)
}

// direct decodes n levels of a type of fixed width to where they stay: the library writes
// values as this machine has them, which is how Arrow has them.
func (l *leafReader) direct(n int) error {
	w, from := l.node.width, len(l.fixed)
	def, rep := l.room(n)
	l.fixed = growBytes(l.fixed, n*w)
	to := l.fixed[from:]
	var t int64
	var v int
	var err error
	switch r := l.rd.(type) {
	case *file.BooleanColumnChunkReader:
		t, v, err = r.ReadBatchInPage(int64(n), view[bool](to), def, rep)
	case *file.Int32ColumnChunkReader:
		t, v, err = r.ReadBatchInPage(int64(n), view[int32](to), def, rep)
	case *file.Int64ColumnChunkReader:
		t, v, err = r.ReadBatchInPage(int64(n), view[int64](to), def, rep)
	case *file.Float32ColumnChunkReader:
		t, v, err = r.ReadBatchInPage(int64(n), view[float32](to), def, rep)
	case *file.Float64ColumnChunkReader:
		t, v, err = r.ReadBatchInPage(int64(n), view[float64](to), def, rep)
	case *file.Int96ColumnChunkReader:
		t, v, err = r.ReadBatchInPage(int64(n), view[parquet.Int96](to), def, rep)
	default:
		err = fmt.Errorf("a physical type that is not read")
	}
	if err != nil {
		return pageError(err, l.node, l.group, l.at+int64(l.starts))
	}
	l.fixed = l.fixed[:from+v*w]
	if err := l.sound(int(t), v, def, rep); err != nil {
		return err
	}
	l.append(int(t), def, rep)
	return nil
}

// hold decodes n levels of byte arrays, which stay in the page. Their sum is known only
// then: a dictionary page of 1 MB may stand for gigabytes, as each row can name the same
// long value. So they are copied by take, as far as the bound allows.
func (l *leafReader) hold(n, limit int) error {
	h := &l.held
	if len(h.def) < n {
		h.def, h.rep, h.values = make([]int16, n), make([]int16, n), make([][]byte, n)
	}
	var t int64
	var v int
	var err error
	// Both types of values are []byte by other names: the library fills the very same slices,
	// which point into its page.
	switch r := l.rd.(type) {
	case *file.ByteArrayColumnChunkReader:
		t, v, err = r.ReadBatchInPage(int64(n), *(*[]parquet.ByteArray)(unsafe.Pointer(&h.values)), h.def[:n], h.rep[:n])
	case *file.FixedLenByteArrayColumnChunkReader:
		t, v, err = r.ReadBatchInPage(int64(n), *(*[]parquet.FixedLenByteArray)(unsafe.Pointer(&h.values)), h.def[:n], h.rep[:n])
	default:
		err = fmt.Errorf("a physical type that is not read")
	}
	if err != nil {
		return pageError(err, l.node, l.group, l.at+int64(l.starts))
	}
	if err := l.sound(int(t), v, h.def, h.rep); err != nil {
		return err
	}
	h.at, h.to, h.val = 0, int(t), 0
	l.take(limit)
	return nil
}

// take copies held levels and their values, as many as limit bytes allow, at least one.
func (l *leafReader) take(limit int) {
	h, m := &l.held, l.node.maxDef
	to, val, sum := h.at, h.val, 0
	for to < h.to {
		if m == 0 || h.def[to] == m {
			size := len(h.values[val])
			if sum+size > limit && to > h.at {
				break
			}
			sum += size
			val++
		}
		to++
	}
	l.append(to-h.at, h.def[h.at:], h.rep[h.at:])
	if l.node.phys == parquet.Types.FixedLenByteArray {
		l.fixed = slices.Grow(l.fixed, sum)
		for _, b := range h.values[h.val:val] {
			l.fixed = append(l.fixed, b...)
		}
	} else {
		l.data, l.offs = slices.Grow(l.data, sum), slices.Grow(l.offs, val-h.val)
		data, offs := l.data, l.offs
		for _, b := range h.values[h.val:val] {
			data = append(data, b...)
			offs = append(offs, int32(len(data)))
		}
		l.data, l.offs = data, offs
	}
	h.at, h.val = to, val
}

// room makes the levels long enough for n more, and gives these.
func (l *leafReader) room(n int) (def, rep []int16) {
	def, rep = make([]int16, 0), make([]int16, 0)
	if l.node.maxDef > 0 {
		def = growLevels(&l.def, n)
	}
	if l.node.maxRep > 0 {
		rep = growLevels(&l.rep, n)
	}
	return def, rep
}

// append adds n levels; they may stand behind the others already, as those of direct do.
func (l *leafReader) append(n int, def, rep []int16) {
	if l.node.maxDef > 0 {
		l.def = append(l.def[:l.levels], def[:n]...)
		l.lastDef = l.def[l.levels+n-1]
	}
	if l.node.maxRep > 0 {
		l.rep = append(l.rep[:l.levels], rep[:n]...)
		for _, r := range rep[:n] {
			if r == 0 {
				l.starts++
			}
		}
	} else {
		l.starts += n
	}
	l.levels, l.seen = l.levels+n, l.seen+int64(n)
}

var errLists = errors.New("its lists do not add up: levels contradict each other (DuckDB 2 writes null rows of an ARRAY so: " +
	"cast the column to a list, as in x::INTEGER[])")

// sound checks t new levels with v values against each other: every value has its
// level, and no list goes on that never began. The library checks neither, and a file whose
// levels contradict each other has as many readings as readers.
func (l *leafReader) sound(t, v int, def, rep []int16) error {
	n := l.node
	bad := func(why error) error {
		return ipc.Invalid("column %q: row group %d, from row %d on: %w", n.path, l.group, l.at+int64(l.starts), why)
	}
	if t == 0 {
		return bad(errors.New("a page ends before its values do"))
	}
	values := 0
	if n.maxDef == 0 {
		values = t
	}
	if n.maxDef > 0 {
		for _, d := range def[:t] {
			if d > n.maxDef || d < 0 {
				return bad(errLists)
			}
			if d == n.maxDef {
				values++
			}
		}
	}
	if values != v {
		return bad(fmt.Errorf("%d values where the levels say %d", v, values))
	}
	if n.maxRep == 0 {
		return nil
	}
	// An element that goes on with a list of depth r needs that list to have begun, in the level
	// before it and in itself: after "null list" (def 0) nothing can repeat.
	last := l.lastDef
	for i, r := range rep[:t] {
		if r < 0 || r > n.maxRep || r > 0 && (def[i] < n.began[r] || last < n.began[r]) {
			return bad(errLists)
		}
		last = def[i]
	}
	return nil
}

// cut says which levels and values are those of the first n rows. A row of a repeated leaf
// ends where the next begins, at a level that repeats 0.
func (l *leafReader) cut(n int) {
	l.cutLevels, l.cutValues = n, n
	if l.node.maxRep > 0 && n < l.starts {
		seen := 0
		for i, r := range l.rep {
			if r == 0 {
				if seen == n {
					l.cutLevels = i
					break
				}
				seen++
			}
		}
	} else if l.node.maxRep > 0 {
		l.cutLevels = l.levels
	}
	if l.node.maxDef > 0 {
		l.cutValues = countOf(l.def[:l.cutLevels], l.node.maxDef)
	}
}

// countOf counts the levels that are want.
func countOf(levels []int16, want int16) (n int) {
	for _, d := range levels {
		if d == want {
			n++
		}
	}
	return n
}

// drop takes what was cut away; what a column was given whole is not used again, as the
// column has it now: most batches end where a page does, and nothing is moved.
func (l *leafReader) drop() {
	v := l.cutValues
	if l.cutLevels == l.levels {
		l.levels, l.starts, l.def, l.rep = 0, 0, l.def[:0], l.rep[:0]
		l.offs, l.data = make([]int32, 1, 1+v), make([]byte, 0, len(l.data))
		if l.fixed = l.fixed[:0]; l.given {
			l.fixed, l.given = nil, false
		}
		return
	}
	if l.node.maxDef > 0 {
		l.def = append(l.def[:0], l.def[l.cutLevels:]...)
	}
	l.levels -= l.cutLevels
	if l.node.maxRep > 0 {
		l.rep = append(l.rep[:0], l.rep[l.cutLevels:]...)
		l.starts = countOf(l.rep, 0)
	} else {
		l.starts = l.levels
	}
	l.fixed, l.given = append([]byte(nil), l.fixed[v*l.node.width:]...), false
	if l.node.phys != parquet.Types.ByteArray {
		return
	}
	first := l.offs[v]
	l.data = append([]byte(nil), l.data[first:]...)
	l.offs = append([]int32(nil), l.offs[v:]...)
	for i := range l.offs {
		l.offs[i] -= first
	}
}

// rowOf is the row of the group that value v of the cut belongs to, for errors.
func (l *leafReader) rowOf(v int) int64 {
	row := int64(-1)
	for i := range l.cutLevels {
		if l.node.maxRep == 0 || l.rep[i] == 0 {
			row++
		}
		if l.node.maxDef == 0 || l.def[i] == l.node.maxDef {
			if v--; v < 0 {
				break
			}
		}
	}
	return l.at + row
}

// growBytes makes b n bytes longer; the new ones may hold anything. Places are multiples of
// 8, so that values of 8 bytes are aligned.
func growBytes(b []byte, n int) []byte {
	if cap(b)-len(b) < n {
		c := make([]byte, len(b), (max(2*cap(b), len(b)+n)+7)&^7)
		copy(c, b)
		b = c
	}
	return b[:len(b)+n]
}

// growLevels makes s n levels longer for a while: append cuts it to what was read.
func growLevels(s *[]int16, n int) []int16 {
	k := len(*s)
	if cap(*s)-k < n {
		c := make([]int16, k, max(2*cap(*s), k+n))
		copy(c, *s)
		*s = c
	}
	return (*s)[k : k+n]
}

// view sees bytes as values of T, in this machine's order, which is Arrow's.
func view[T any](b []byte) []T {
	var z T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(z)))
}
