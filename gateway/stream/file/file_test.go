package file

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"pgregory.net/rapid"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// Any range of a laid-out file, read from the object's ranges, is that part of the
// whole; and the batches that it touches are those that overlap it.
func TestFileRanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		object := make([]byte, 4096)
		for i := range object {
			object[i] = byte(i*7 + i/256)
		}
		f := &File{}
		f.memory([]byte("ARROW1\x00\x00schema"))
		var whole []byte
		whole = append(whole, f.sections[0].memory...)
		at := int64(0)
		for range rapid.IntRange(0, 6).Draw(t, "blocks") {
			at += rapid.SampledFrom([]int64{0, 0, 8, 64}).Draw(t, "gap")
			b := schemas.Block{Offset: at, Meta: 16, Body: rapid.Int64Range(0, 200).Draw(t, "body"), Rows: 1}
			f.batches = append(f.batches, batchSpan{f.Size, f.Size + b.Len(), rapid.Int64Range(1, 9).Draw(t, "rows")})
			f.stored(b)
			whole = append(whole, object[at:at+b.Len()]...)
			at += b.Len()
		}
		f.memory([]byte("footer"))
		whole = append(whole, "footer"...)
		if f.Size != int64(len(whole)) {
			t.Fatalf("size %d, want %d", f.Size, len(whole))
		}
		from := rapid.Int64Range(0, f.Size-1).Draw(t, "from")
		rg := Range{from, rapid.Int64Range(1, f.Size-from).Draw(t, "n")}
		s := &sectionReader{left: f.within(rg), open: func(p section) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(object[p.offset : p.offset+p.n])), nil
		}}
		got, err := io.ReadAll(s)
		if err != nil || !bytes.Equal(got, whole[rg.From:rg.From+rg.N]) {
			t.Fatalf("%+v: %d bytes, %v", rg, len(got), err)
		}
		_, _, rows := f.Touched(rg)
		var want int64
		for _, sp := range f.batches {
			if sp.from < rg.From+rg.N && sp.to > rg.From {
				want += sp.rows
			}
		}
		if rows != want {
			t.Errorf("%+v touches %d rows, want %d", rg, rows, want)
		}
	})
}

// An object that is shorter than its manifest says is an error, not an end.
func TestShortObject(t *testing.T) {
	s := &sectionReader{left: []section{{n: 10}}, open: func(section) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(make([]byte, 4))), nil
	}}
	_, err := io.ReadAll(s)
	if schemas.KindOf(err) != schemas.Unavailable {
		t.Errorf("got %v", err)
	}
}

// The tag of a shard whose bytes pass unchanged stays what it was: clients hold it.
func TestRawFileKeepsItsTag(t *testing.T) {
	s := newLab(t, 0, streamtest.Numbers(8)).source(t, nil)
	h := sha256.New()
	fmt.Fprintf(h, "guichet file 1\x00ds-lab\x00v1\x00t\x00all\x000\x000.arrow\x00%s", s.View.Digest)
	h.Write(s.Schema())
	if want := hex.EncodeToString(h.Sum(nil)[:16]); tagOf(s, 0) != want {
		t.Errorf("the tag is %s, want %s", tagOf(s, 0), want)
	}
}

// A look at a file makes nothing, and tells the size that it will have where only columns
// are left out.
func TestLook(t *testing.T) {
	l := newLab(t, 16, streamtest.People(rand.New(rand.NewPCG(1, 7)), 500), streamtest.People(rand.New(rand.NewPCG(1, 8)), 3))
	names := l.source(t, nil).Columns()
	for _, c := range names {
		for _, s := range []*plan.Source{l.source(t, nil, c.Name),
			l.source(t, []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{c.Name}}})} {
			for n := range s.NumShards() {
				f, err := l.Look(s, n)
				streamtest.Must(t, err)
				if len(l.cache.byTag) != 0 || f.Size < 0 {
					t.Fatalf("%s: %d files were made, the size is %d", c.Name, len(l.cache.byTag), f.Size)
				}
				if whole := len(l.bytes(t, s, n)); f.Size != int64(whole) {
					t.Errorf("%s, shard %d: %d bytes were foretold and %d came", c.Name, n, f.Size, whole)
				}
				l.cache.close()
				l.cache = newFileCache(l.Table.Open, l.life, t.TempDir())
			}
		}
	}
	nulls := newLab(t, 0, array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "nothing", Type: arrow.Null, Nullable: true},
		{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil), []arrow.Array{array.NewNull(3), streamtest.Numbers(3).Column(0)}, 3))
	s := nulls.source(t, nil, "nothing")
	look, err := nulls.Look(s, 0)
	streamtest.Must(t, err)
	if whole := len(nulls.bytes(t, s, 0)); look.Size != -1 && look.Size != int64(whole) {
		t.Errorf("a column of nulls alone: %d bytes were foretold and %d came", look.Size, whole)
	}
	f, err := l.Look(l.source(t, []schemas.Duty{{Kind: schemas.DutyPseudonymise, Columns: []string{"name"}}}), 0)
	streamtest.Must(t, err)
	if f.Size != -1 || len(l.cache.byTag) != 0 {
		t.Errorf("a look at a changed file: %d bytes, %d made", f.Size, len(l.cache.byTag))
	}
}
