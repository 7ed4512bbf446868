package batch_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
)

// words is a dictionary that records share.
func words(all ...string) arrow.Array {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	b.AppendValues(all, nil)
	return b.NewArray()
}

// coded is a record of one dictionary column; -1 stands for null.
func coded(dictionary arrow.Array, indices ...int8) arrow.Record {
	t := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	b := array.NewInt8Builder(memory.DefaultAllocator)
	for _, i := range indices {
		if i < 0 {
			b.AppendNull()
		} else {
			b.Append(i)
		}
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "w", Type: t, Nullable: true}}, nil)
	return array.NewRecord(schema, []arrow.Array{array.NewDictionaryArray(t, b.NewArray(), dictionary)}, int64(len(indices)))
}

// readBack opens messages with Arrow's own reader and gives the column's values.
func readBack(t testing.TB, fields []arrow.Field, messages ...[]byte) (out []string) {
	t.Helper()
	stream := ipc.EncodeSchema(fields)
	for _, m := range messages {
		stream = append(stream, m...)
	}
	rd, err := arrowipc.NewReader(bytes.NewReader(append(stream, ipc.EndOfStream()...)))
	if err != nil {
		t.Fatal(err)
	}
	for rd.Next() {
		d := rd.Record().Column(0).(*array.Dictionary)
		for i := range d.Len() {
			if d.IsNull(i) {
				out = append(out, "null")
			} else {
				out = append(out, d.ValueStr(i))
			}
		}
	}
	if rd.Err() != nil {
		t.Fatal(rd.Err())
	}
	return out
}

// Values in use, in the order of first use over all records, and nothing else.
func TestCompactionKeepsValuesInUse(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dictionary := words("red", "green", "blue", "never", "rare")
		var recs []arrow.Record
		var want, order []string
		for _, rows := range rapid.SliceOfN(rapid.SliceOfN(rapid.Int8Range(-1, 4), 0, 9), 1, 4).Draw(rt, "records") {
			recs = append(recs, coded(dictionary, rows...))
			for _, i := range rows {
				if i < 0 {
					want = append(want, "null")
					continue
				}
				w := dictionary.(*array.String).Value(int(i))
				want = append(want, w)
				if !slices.Contains(order, w) {
					order = append(order, w)
				}
			}
		}
		fields := recs[0].Schema().Fields()
		c := batch.NewCompaction(fields)
		for _, rec := range recs {
			if err := c.Use(rec); err != nil {
				rt.Fatal(err)
			}
		}
		messages, err := c.Dictionaries()
		if err != nil || len(messages) != 1 {
			rt.Fatal(len(messages), err)
		}
		for _, unused := range []string{"red", "green", "blue", "never", "rare"} {
			if bytes.Contains(messages[0], []byte(unused)) != slices.Contains(order, unused) {
				rt.Fatalf("%s: used are %v", unused, order)
			}
		}
		for _, rec := range recs {
			m, err := c.Encode(rec)
			if err != nil {
				rt.Fatal(err)
			}
			messages = append(messages, m)
		}
		if got := readBack(t, fields, messages...); fmt.Sprint(got) != fmt.Sprint(want) {
			rt.Fatalf("%v, want %v", got, want)
		}
		// One record compacted so has the bytes that gathering it has.
		if len(recs) == 1 && recs[0].NumRows() > 0 {
			g, err := batch.Collect([]batch.Part{{Record: recs[0], N: recs[0].NumRows()}}, batch.Gathering{Compact: true})
			if err != nil {
				rt.Fatal(err)
			}
			dicts, err := g.Dictionaries()
			if err != nil || !bytes.Equal(dicts[0], messages[0]) || !bytes.Equal(g.Message(), messages[1]) {
				rt.Fatal("gathering gives other bytes", err)
			}
		}
	})
}

func TestCompactionOfNothing(t *testing.T) {
	rec := coded(words("a"))
	c := batch.NewCompaction(rec.Schema().Fields())
	if m, err := c.Dictionaries(); err != nil || m != nil {
		t.Errorf("without records: %d dictionaries, %v", len(m), err)
	}
	if err := c.Use(rec); err != nil {
		t.Fatal(err)
	}
	if m, err := c.Dictionaries(); err != nil || len(m) != 1 {
		t.Errorf("of an empty record: %d dictionaries, %v", len(m), err)
	}
}

func TestCompactionRefusesIndicesOutside(t *testing.T) {
	rec := coded(words("a", "b"), 0, 7)
	err := batch.NewCompaction(rec.Schema().Fields()).Use(rec)
	if err == nil || err.Error() != `invalid: column "w": row 1: index 7 in a dictionary of 2 values` {
		t.Error(err)
	}
}
