package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"pgregory.net/rapid"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

func people(t testing.TB, shards ...int) *lab {
	t.Helper()
	l := newLab(t, 16)
	for i, rows := range shards {
		l.Add(t, streamtest.People(rand.New(rand.NewPCG(3, uint64(i))), rows))
	}
	return l
}

// views are the ways in which an agreement may change a file.
func views() map[string][]schemas.Duty {
	return map[string][]schemas.Duty{
		"raw":              nil,
		"hidden":           {streamtest.Hide("secret", "kind")},
		"edited":           {streamtest.Pseudonymise("name", "kind")},
		"filtered":         {streamtest.Filter("n", "lt", "40")},
		"filtered, edited": {streamtest.Filter("n", "lt", "40"), streamtest.Pseudonymise("region")},
		"nothing stays":    {streamtest.Filter("n", "lt", "0")},
	}
}

// send sends a range and gives what came.
func (l *lab) send(t testing.TB, f *File, rg Range) ([]byte, error) {
	t.Helper()
	out := &taker{}
	err := l.Send(context.Background(), l.grant, f, rg, out, nil)
	return out.Bytes(), err
}

// rowsOf are the rows of a file as texts, read by arrow's own reader.
func rowsOf(t testing.TB, file []byte) (out []string) {
	t.Helper()
	rd, err := arrowipc.NewFileReader(bytes.NewReader(file))
	streamtest.Must(t, err)
	defer rd.Close()
	for i := range rd.NumRecords() {
		rec, err := rd.RecordAt(i)
		streamtest.Must(t, err)
		out = append(out, streamtest.Texts(rec)...)
	}
	return out
}

// Any ranges of a file under any view, together, are the whole: an Arrow file with the rows
// that the view shows; and the same tag has the same bytes when the file is made again.
func TestRangesAreTheFile(t *testing.T) {
	l := people(t, 200, 60)
	for name, duties := range views() {
		t.Run(name, func(t *testing.T) {
			s := l.source(t, duties)
			rows := int64(0)
			for n := range s.NumShards() {
				f, err := l.Files.Open(t.Context(), s, n, "who")
				streamtest.Must(t, err)
				whole, err := l.send(t, f, Range{0, f.Size})
				if err != nil || int64(len(whole)) != f.Size {
					t.Fatalf("%d of %d bytes came: %v", len(whole), f.Size, err)
				}
				rows += int64(len(rowsOf(t, whole)))
				rapid.Check(t, func(rt *rapid.T) {
					from := rapid.Int64Range(0, f.Size-1).Draw(rt, "from")
					length := rapid.Int64Range(1, f.Size-from).Draw(rt, "length")
					got, err := l.send(t, f, Range{from, length})
					if err != nil || !bytes.Equal(got, whole[from:from+length]) {
						rt.Fatalf("[%d, %d): %d bytes, %v", from, from+length, len(got), err)
					}
				})
				f.Close()
				l.cache.close()
				l.cache = newFileCache(l.Table.Open, l.life, l.cache.tempDir)
				again, err := l.Files.Open(t.Context(), s, n, "who")
				streamtest.Must(t, err)
				if again.ETag != f.ETag || !bytes.Equal(l.bytes(t, s, n), whole) {
					t.Errorf("shard %d: made again it has the tag %s, before %s", n, again.ETag, f.ETag)
				}
				again.Close()
			}
			if rows != s.Rows() {
				t.Errorf("the files have %d rows, the view %d", rows, s.Rows())
			}
		})
	}
}

// Files of other views, shards, or bytes have other tags.
func TestTagsDiffer(t *testing.T) {
	l := people(t, 50, 50)
	tags := map[string]string{}
	for name, duties := range views() {
		s := l.source(t, duties)
		for n := range s.NumShards() {
			f, err := l.Look(s, n)
			streamtest.Must(t, err)
			what := fmt.Sprint(name, " ", n)
			if tags[f.ETag] != "" {
				t.Errorf("%s has the tag of %s", what, tags[f.ETag])
			}
			tags[f.ETag] = what
		}
	}
	s := l.source(t, nil)
	before := tagOf(s, 0)
	l.Split().Shards[0].ETag = "another"
	if tagOf(s, 0) == before {
		t.Error("another object has the tag of the one before")
	}
	for _, n := range []int{-1, 2} {
		_, err := l.Look(s, n)
		if want := fmt.Sprintf("there is no shard %d; t/all has 2", n); schemas.KindOf(err) != schemas.NotFound ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("shard %d: %v", n, err)
		}
	}
}

// A dictionary of a file has each value once, and only values that shown rows use.
func TestFilesHaveNoHiddenValues(t *testing.T) {
	l := people(t, 300)
	s := l.source(t, []schemas.Duty{streamtest.Filter("n", "lt", "10")})
	file := l.bytes(t, s, 0)
	used := map[string]bool{}
	for _, row := range rowsOf(t, file) {
		for _, cell := range strings.Split(row, "|") {
			used[cell] = true
		}
	}
	for i := range 9 {
		if value := fmt.Sprint("value ", i); bytes.Contains(file, []byte(value)) != used[value] {
			t.Errorf("%q is in the file: %t, in a row of it: %t", value, !used[value], used[value])
		}
	}
}

// The first who asks makes a file, others wait for it; it is made once.
func TestAFileIsMadeOnce(t *testing.T) {
	l := people(t, 100)
	s := l.source(t, []schemas.Duty{streamtest.Pseudonymise("name")})
	l.Gets.Store(0)
	var wg sync.WaitGroup
	files := make([]*File, 8)
	for i := range files {
		wg.Go(func() {
			f, err := l.Files.Open(context.Background(), s, 0, schemas.ParticipantID(fmt.Sprint("org-", i)))
			if err != nil {
				t.Error(err)
				return
			}
			files[i] = f
		})
	}
	wg.Wait()
	once := l.Gets.Load()
	for _, f := range files {
		if f.cached != files[0].cached {
			t.Error("two files were made")
		}
		f.Close()
	}
	f, err := l.Files.Open(t.Context(), s, 0, "later")
	streamtest.Must(t, err)
	defer f.Close()
	if l.Gets.Load() != once {
		t.Errorf("%d reads for the first, %d after the last", once, l.Gets.Load())
	}
}

// The last files stay for the next range; an older one is gone when its last user closes
// it, and not before.
func TestOldFilesGo(t *testing.T) {
	l := people(t, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30)
	s := l.source(t, []schemas.Duty{streamtest.Pseudonymise("name")})
	first, err := l.Files.Open(t.Context(), s, 0, "who")
	streamtest.Must(t, err)
	for n := 1; n <= maxFiles; n++ {
		f, err := l.Files.Open(t.Context(), s, n, "who")
		streamtest.Must(t, err)
		f.Close()
	}
	if len(l.cache.byTag) != maxFiles || l.cache.byTag[first.ETag] != nil {
		t.Errorf("%d files are kept", len(l.cache.byTag))
	}
	if got, err := l.send(t, first, Range{0, 8}); err != nil || string(got) != "ARROW1\x00\x00" {
		t.Errorf("a file that is held: %q, %v", got, err)
	}
	first.Close()
	if _, err := first.cached.file.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a file that nobody holds is open: %v", err)
	}
	if again, err := l.Look(s, 0); err != nil || again.Size != first.Size {
		t.Errorf("its size is not remembered: %d, %v", again.Size, err)
	}
}

// What cannot be made is told to who asked, and is tried again.
func TestFilesThatCannotBeMade(t *testing.T) {
	l := people(t, 40)
	s := l.source(t, []schemas.Duty{streamtest.Pseudonymise("kind")})
	open := func() error {
		f, err := l.Files.Open(t.Context(), s, 0, "who")
		if err == nil {
			f.Close()
		}
		return err
	}
	l.Gone.Store(true)
	e, _ := errors.AsType[*schemas.Error](open())
	if e == nil || e.Kind != schemas.Gone || strings.Contains(e.Message, "0.arrow") {
		t.Errorf("an object that is gone: %v", e)
	}
	l.Gone.Store(false)
	dir := l.cache.tempDir
	l.cache.tempDir = dir + "/nowhere"
	if err := open(); schemas.KindOf(err) != schemas.Unavailable ||
		!strings.Contains(err.Error(), "the gateway cannot write a temporary file") {
		t.Errorf("no place to write: %v", err)
	}
	l.cache.tempDir = dir
	l.Own.Store(true) // so that nothing but the decoder sees it
	object := l.Objects["0.arrow"]
	l.Objects["0.arrow"] = bytes.Clone(object)
	for i := range l.Objects["0.arrow"] {
		if b := l.Split().Shards[0].Dictionaries[0]; int64(i) >= b.Offset && int64(i) < b.Offset+b.Len() {
			l.Objects["0.arrow"][i] = 0x80
		}
	}
	if err := open(); schemas.KindOf(err) != schemas.Gone {
		t.Errorf("other bytes: %v", err)
	}
	l.Objects["0.arrow"] = object
	streamtest.Must(t, open())
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("%d files have names: %v", len(entries), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	edited := l.source(t, []schemas.Duty{streamtest.Pseudonymise("name")})
	if _, err := l.Files.Open(ctx, edited, 0, "who"); err == nil {
		t.Error("a file was made for a client that is gone")
	}
	l.life.Shutdown(t.Context())
	if _, err := l.Files.Open(t.Context(), edited, 0, "who"); schemas.KindOf(err) != schemas.Busy {
		t.Errorf("of a gateway that stops: %v", err)
	}
}

// Rows are charged once per release, with the first byte of their batch that leaves, and
// all of them with a byte of a dictionary.
func TestRangesCharge(t *testing.T) {
	l := people(t, 64) // four batches of 16 rows
	f := l.open(t)
	inside := func(i int) int64 { return f.batches[i].from + 8 }
	for name, c := range map[string]struct {
		ranges []Range
		rows   int64
	}{
		"head and footer":      {[]Range{{0, 8}, {f.Size - 10, 10}}, 0},
		"a byte of a batch":    {[]Range{{inside(1), 1}}, 16},
		"the same batch twice": {[]Range{{inside(1), 1}, {inside(1) + 5, 20}}, 16},
		"over an edge":         {[]Range{{f.batches[2].to - 1, 2}}, 32},
		"two batches":          {[]Range{{inside(0), 1}, {inside(3), 1}}, 32},
		"a dictionary":         {[]Range{{f.dictionaries[0].from, 1}, {inside(2), 8}}, 64},
		"a dictionary's head":  {[]Range{{f.dictionaries[0].from - 1, 1}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := people(t, 64)
			f := l.open(t)
			var sent int64
			for _, rg := range c.ranges {
				_, err := l.send(t, f, rg)
				streamtest.Must(t, err)
				sent += rg.N
			}
			l.stop()
			_, ended := l.record.All()
			if len(ended) != 1 || ended[0].Rows != c.rows || ended[0].Bytes != sent || ended[0].Ask != "shard=0" {
				t.Errorf("the record has %+v; want %d rows, %d bytes", ended, c.rows, sent)
			}
		})
	}
}

// Under a budget of fewer rows than a shard, a range of a dictionary is refused with what
// helps, and what the budget covers is sent.
func TestBudgetBelowAFile(t *testing.T) {
	l := people(t, 64)
	l.record.MostRows = 20
	f := l.open(t)
	_, err := l.send(t, f, Range{f.batches[0].from, 10})
	streamtest.Must(t, err)
	_, err = l.send(t, f, Range{f.dictionaries[0].from, 10})
	if schemas.KindOf(err) != schemas.Denied ||
		!strings.Contains(err.Error(), "dictionary values of all 64 rows of the shard: read it by /stream") {
		t.Errorf("a dictionary: %v", err)
	}
	_, err = l.send(t, f, Range{f.batches[0].from, f.batches[1].to - f.batches[0].from})
	if schemas.KindOf(err) != schemas.Denied || !strings.Contains(err.Error(), "the budget is spent") {
		t.Errorf("two batches: %v", err)
	}
}

// A layout says where each message of a file lies, dictionaries and batches apart.
func TestLayout(t *testing.T) {
	l := newFileLayout(make([]byte, 100))
	l.add(16, 40, 0)
	l.add(24, 64, 7)
	want := fileLayout{
		at:              108 + 56 + 88,
		dicts:           []schemas.Block{{Offset: 108, Meta: 16, Body: 40}},
		batches:         []schemas.Block{{Offset: 164, Meta: 24, Body: 64, Rows: 7}},
		batchSpans:      []batchSpan{{164, 252, 7}},
		dictionarySpans: []batchSpan{{from: 124, to: 164}},
	}
	if fmt.Sprint(*l) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", *l, want)
	}
}

// The sum of a raw file's size and tag is known before a byte is read.
func TestLookReadsNothing(t *testing.T) {
	l := people(t, 100)
	for _, s := range []*plan.Source{l.source(t, nil), l.source(t, []schemas.Duty{streamtest.Hide("secret")})} {
		l.Gets.Store(0)
		f, err := l.Look(s, 0)
		streamtest.Must(t, err)
		if l.Gets.Load() != 0 || f.Size < 1 || len(f.ETag) != 32 {
			t.Errorf("%d reads for a file of %d bytes, tagged %s", l.Gets.Load(), f.Size, f.ETag)
		}
	}
}
