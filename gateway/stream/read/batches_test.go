package read_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"guichet/connectors/ipc"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/streamtest"
	"guichet/policy/view"
	"guichet/schemas"
)

// fetched are the messages of a whole table, each as one piece of bytes, with what is said of
// it; a Rest is copied in pieces of so many bytes, or passed to a socket where they are 0.
func (l *lab) fetched(t testing.TB, s *plan.Source, rest bool, piece int) (out []read.Message, rests int) {
	t.Helper()
	rd := read.NewReader(s, l.Open, s.View.Compact)
	for i, one := range ranges(t, s, read.MaxRange) {
		res := rd.Fetch(context.Background(), one, i == 0)
		for m, err := range res.Each(rest) {
			streamtest.Must(t, err)
			whole := bytes.Clone(m.Bytes)
			if n := m.Len(); m.Rest != nil {
				rests++
				whole = append(whole, taken(t, m.Rest, n-int64(len(m.Bytes)), piece)...)
				if int64(len(whole)) != n {
					t.Fatalf("%d bytes came of a message of %d", len(whole), n)
				}
			}
			m.Bytes, m.Rest = whole, nil
			out = append(out, m)
		}
		rd.Recycle(res)
	}
	return out, rests
}

// taken gives the n bytes of a rest.
func taken(t testing.TB, r *read.Rest, n int64, piece int) []byte {
	t.Helper()
	if piece > 0 {
		var out []byte
		store := false // whose turn it is
		streamtest.Must(t, r.Copy(make([]byte, piece), func(client bool) { store = !client }, func(p []byte) error {
			if store || len(p) > piece {
				t.Errorf("%d bytes, while the store is waited for: %t", len(p), store)
			}
			out = append(out, p...)
			return nil
		}))
		return out
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	streamtest.Must(t, err)
	defer l.Close()
	came := make(chan []byte, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			close(came)
			return
		}
		defer c.Close()
		got, err := io.ReadAll(c)
		if err != nil {
			t.Error(err)
		}
		came <- got
	}()
	c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", l.Addr().String())
	streamtest.Must(t, err)
	var turns atomic.Int64
	streamtest.Must(t, r.Pass(c.(*net.TCPConn), func(bool) { turns.Add(1) }))
	streamtest.Must(t, c.Close())
	if n > 0 && turns.Load() == 0 {
		t.Error("nobody is told whom it waits for")
	}
	return <-came
}

// However a body goes on, read whole, copied in pieces or passed to a socket, the messages
// are the same, with the same rows and sums; those of a store that the operator does not
// answer for, and those without a published sum, are read whole.
func TestRestsAreTheBodies(t *testing.T) {
	l := people(t, 300, 7, 120)
	s := l.source(t, nil)
	want, rests := l.fetched(t, s, false, 0)
	if rests != 0 || len(want) < 10 {
		t.Fatalf("%d of %d messages have a rest that nobody takes", rests, len(want))
	}
	batches := 0
	for _, m := range want {
		if m.Rows > 0 {
			batches++
		}
	}
	for _, c := range []struct {
		own   bool
		sums  bool
		piece int
		rests int
	}{{true, true, 0, batches}, {true, true, 1, batches}, {true, true, 100, batches}, {true, true, 1 << 20, batches}, {false, true, 100, 0}, {true, false, 100, 0}} {
		t.Run(fmt.Sprintf("own %t, sums %t, pieces of %d", c.own, c.sums, c.piece), func(t *testing.T) {
			l.Own.Store(c.own)
			for i := range l.Split().Shards {
				for j := range l.Split().Shards[i].Batches {
					b := &l.Split().Shards[i].Batches[j]
					if b.Sum = 0; c.sums {
						b.Sum = ipc.Sum(l.Objects[fmt.Sprint(i, ".arrow")][b.Offset:][:b.Len()])
					}
				}
			}
			got, rests := l.fetched(t, l.source(t, nil), true, c.piece)
			if rests != c.rests || len(got) != len(want) {
				t.Fatalf("%d of %d messages have a rest, want %d of %d", rests, len(got), c.rests, len(want))
			}
			for i := range got {
				if !bytes.Equal(got[i].Bytes, want[i].Bytes) || got[i].Rows != want[i].Rows || c.sums && got[i].Sum != want[i].Sum {
					t.Errorf("message %d differs", i)
				}
			}
		})
	}
}

// Where columns are hidden, what is shown of a batch is the same whether the others are
// skipped, what is shown passes to a socket or is copied, or the batch is read whole, compared
// and cut.
func TestHiddenColumnsAreDroppedOrCut(t *testing.T) {
	hiddenAreDroppedOrCut(t, people(t, 90, 40))
}

// hiddenAreDroppedOrCut hides some columns of a table in every way, and holds what is shown against the table as it is stored.
func hiddenAreDroppedOrCut(t *testing.T, l *lab) {
	t.Helper()
	raw := l.source(t, nil)
	whole, _ := l.fetched(t, raw, false, 0)
	stored := columnsOf(t, raw, whole)
	var names []string
	for _, c := range l.Table.Table().Columns {
		names = append(names, c.Name)
	}
	rapid.Check(t, func(rt *rapid.T) {
		hide := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, len(names)-1, rapid.ID[string]).Draw(rt, "hidden")
		piece := rapid.SampledFrom([]int{0, 1, 100, 1 << 20}).Draw(rt, "pieces")
		s := l.source(t, []schemas.Duty{streamtest.Hide(hide...)})
		l.Own.Store(false)
		cut, _ := l.fetched(t, s, true, 0)
		shown := columnsOf(t, s, cut)
		for _, name := range names {
			if want := !slices.Contains(hide, name); want && shown[name] != stored[name] || !want && shown[name] != "" {
				rt.Errorf("column %s, shown %t: %.200s", name, want, shown[name])
			}
		}
		batches := 0
		for _, m := range cut {
			if m.Rows > 0 {
				batches++
			}
		}
		l.Own.Store(true)
		for _, rest := range []bool{false, true} {
			got, rests := l.fetched(t, s, rest, piece)
			if len(got) != len(cut) || rest && rests != batches || !rest && rests != 0 {
				rt.Fatalf("%d and %d messages, %d with a rest", len(got), len(cut), rests)
			}
			for i := range cut {
				if !bytes.Equal(got[i].Bytes, cut[i].Bytes) || got[i].Rows != cut[i].Rows || got[i].Meta != cut[i].Meta {
					rt.Errorf("message %d differs", i)
				}
				if got[i].Sum != 0 && got[i].Rows > 0 {
					rt.Errorf("message %d, which was made here, has a published sum", i)
				}
			}
		}
	})
}

// columnsOf decodes messages, and gives each column's values by its name.
func columnsOf(t testing.TB, s *plan.Source, list []read.Message) map[string]string {
	t.Helper()
	stream := bytes.Clone(s.Schema())
	for _, m := range list {
		stream = append(stream, m.Bytes...)
	}
	rd, err := arrowipc.NewReader(bytes.NewReader(append(stream, ipc.EndOfStream()...)))
	streamtest.Must(t, err)
	defer rd.Release()
	out := map[string]string{}
	for rd.Next() {
		for i, f := range rd.Schema().Fields() {
			b, err := json.Marshal(rd.Record().Column(i))
			streamtest.Must(t, err)
			out[f.Name] += string(b)
		}
	}
	streamtest.Must(t, rd.Err())
	return out
}

// odd are rows of nested, fixed and null columns, of which many values are null, and whose buffers may
// all be empty.
func odd(r *rand.Rand, rows int) arrow.Record {
	pair := arrow.StructOf(
		arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int8, Nullable: true},
		arrow.Field{Name: "b", Type: arrow.BinaryTypes.String, Nullable: true})
	index := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.BinaryTypes.String}
	types := []arrow.DataType{
		pair, arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Float32), arrow.FixedSizeListOf(2, pair), arrow.ListOf(pair),
		arrow.StructOf(arrow.Field{Name: "tag", Type: index, Nullable: true}, arrow.Field{Name: "on", Type: arrow.FixedWidthTypes.Boolean, Nullable: true}),
		arrow.Null, &arrow.FixedSizeBinaryType{ByteWidth: 5}, arrow.FixedWidthTypes.Boolean, arrow.BinaryTypes.LargeString,
		&arrow.Decimal128Type{Precision: 20, Scale: 2}, arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int16),
		arrow.StructOf(arrow.Field{Name: "only", Type: arrow.FixedSizeListOf(1, arrow.PrimitiveTypes.Uint8), Nullable: true}),
	}
	var fields []arrow.Field
	for i, dt := range types {
		fields = append(fields, arrow.Field{Name: fmt.Sprint("c", i), Type: dt, Nullable: true})
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	nulls := r.IntN(11) // of ten
	for range rows {
		for i := range fields {
			appendOdd(b.Field(i), r, nulls)
		}
	}
	return b.NewRecord()
}

func appendOdd(b array.Builder, r *rand.Rand, nulls int) {
	if r.IntN(10) < nulls {
		b.AppendNull()
		return
	}
	switch f := b.(type) {
	case *array.StructBuilder:
		f.Append(true)
		for i := range f.NumField() {
			appendOdd(f.FieldBuilder(i), r, nulls)
		}
	case *array.FixedSizeListBuilder:
		f.Append(true)
		for range f.Type().(*arrow.FixedSizeListType).Len() {
			appendOdd(f.ValueBuilder(), r, nulls)
		}
	case *array.ListBuilder:
		f.Append(true)
		for range r.IntN(3) {
			appendOdd(f.ValueBuilder(), r, nulls)
		}
	case *array.MapBuilder:
		f.Append(true)
		for range r.IntN(3) {
			appendOdd(f.KeyBuilder(), r, 0)
			appendOdd(f.ItemBuilder(), r, nulls)
		}
	case *array.NullBuilder:
		f.AppendNull()
	case *array.FixedSizeBinaryBuilder:
		f.Append([]byte(fmt.Sprintf("%05d", r.IntN(99))))
	default:
		if err := f.AppendValueFromString(fmt.Sprint(r.IntN(2))); err != nil {
			panic(err)
		}
	}
}

// The same of nested, fixed and null columns: whatever is hidden beside them, rows are those of the table without it.
func TestHiddenColumnsOfOddShapes(t *testing.T) {
	var records []arrow.Record
	for i, rows := range []int{90, 0, 1, 17, 40} {
		records = append(records, odd(rand.New(rand.NewPCG(3, uint64(i))), rows))
	}
	l := newLab(t, 16, records...)
	hiddenAreDroppedOrCut(t, l)
}

// One answer gives all batches of a shard, and a shard's object is asked for whole.
func TestOneAnswerForAShard(t *testing.T) {
	l := people(t, 300, 300, 300)
	l.Own.Store(true)
	var ranged atomic.Int64
	l.OnGet = func(_ int64, r *http.Request) {
		if r.Header.Get("Range") != "" {
			ranged.Add(1)
		}
	}
	for name, duties := range map[string][]schemas.Duty{"raw": nil, "hidden": {streamtest.Hide("secret")}} {
		t.Run(name, func(t *testing.T) {
			s := l.source(t, duties)
			for i := range l.Split().Shards { // no dictionaries: those are asked for apart
				l.Split().Shards[i].Dictionaries = nil
			}
			l.Gets.Store(0)
			ranged.Store(0)
			if got := len(l.stream(t, s, ranges(t, s, 0), false)); got == 0 {
				t.Error("nothing came")
			}
			if l.Gets.Load() != 3 || ranged.Load() != 0 {
				t.Errorf("%d requests, %d of them for a part", l.Gets.Load(), ranged.Load())
			}
		})
	}
}

// The next answer is not asked for while much of those before is missing.
func TestAnswersAreAskedForInTime(t *testing.T) {
	u := read.NewUnread()
	ctx, cancel := context.WithCancel(t.Context())
	for range 3 { // small ones at once
		if !u.Room(ctx, read.MaxRange/3+1) {
			t.Fatal("there is no room")
		}
	}
	entered := make(chan bool)
	go func() { entered <- u.Room(ctx, 1) }()
	u.Took(1)
	u.Took(read.MaxRange / 3)
	if !<-entered {
		t.Error("it did not go on")
	}
	u.Took(-read.MaxRange)
	go func() { entered <- u.Room(ctx, 1) }()
	cancel()
	if <-entered {
		t.Error("it went on after the end")
	}
}

// What a stream holds is a batch where it is read whole, and what the sink says where
// bodies pass; ranges that a view edits are held whole as before.
func TestHeldOfWhatPasses(t *testing.T) {
	l := people(t, 300)
	raw, edited := l.source(t, nil), l.source(t, []schemas.Duty{streamtest.Pseudonymise("name")})
	var largest int64
	for _, b := range l.Split().Shards[0].Batches {
		largest = max(largest, b.Len())
	}
	const rest = 77
	if got := read.HeldBytes(ranges(t, raw, read.MaxRange), 0); got != largest {
		t.Errorf("%d bytes for batches of %d", got, largest)
	}
	if got := read.HeldBytes(ranges(t, raw, read.MaxRange), rest); got != rest {
		t.Errorf("%d bytes where bodies pass", got)
	}
	if a, b := read.HeldBytes(ranges(t, edited, read.MaxRange), 0), read.HeldBytes(ranges(t, edited, read.MaxRange), rest); a != b || a <= largest {
		t.Errorf("%d and %d bytes where values are edited", a, b)
	}
	l.Split().Shards[0].Batches[2].Sum = 0
	raw = l.source(t, nil)
	if got := read.HeldBytes(ranges(t, raw, read.MaxRange), rest); got != largest {
		t.Errorf("%d bytes where a sum is missing", got)
	}
	if view.MaxMessage < largest {
		t.Fatal("the batches are larger than any published ones")
	}
}

// What breaks in the middle of a shard is said by table and split, never by the object's
// place; nothing of the batch that is missing comes.
func TestBatchesThatGoMissing(t *testing.T) {
	for name, spoil := range map[string]func(l *lab){
		"shorter": func(l *lab) {
			b := l.Split().Shards[0].Batches[3]
			l.Objects["0.arrow"] = l.Objects["0.arrow"][:b.Offset+int64(b.Meta)+1]
		},
		"gone": func(l *lab) { l.Gone.Store(true) },
	} {
		for _, own := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", own ", own), func(t *testing.T) {
				l := people(t, 300)
				l.Own.Store(own)
				s := l.source(t, nil)
				spoil(l)
				rd := read.NewReader(s, l.Open, false)
				var failed error
				for i, one := range ranges(t, s, read.MaxRange) {
					res := rd.Fetch(t.Context(), one, i == 0)
					for m, err := range res.Each(true) {
						if err == nil && m.Rest != nil {
							err = m.Rest.Copy(make([]byte, 100), func(bool) {}, func([]byte) error { return nil })
						}
						if err != nil {
							failed = err
							break
						}
					}
					rd.Recycle(res)
				}
				if kind := schemas.KindOf(failed); kind != schemas.Gone && kind != schemas.Unavailable {
					t.Errorf("got %v", failed)
				}
				if failed != nil && (!strings.Contains(failed.Error(), "t/all")) {
					t.Errorf("%v", failed)
				}
			})
		}
	}
}
