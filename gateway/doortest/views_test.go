package doortest

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/schemas"
)

// rowFilter compares every door's rows with the same filter done on the source.
func rowFilter(t *testing.T, r *Rig, doors []Door) {
	shards := []arrow.Record{numbers(0, 4000), numbers(4000, 300), numbers(4300, 5000)}
	var files [][]byte
	for _, rec := range shards {
		files = append(files, FileOf(t, rec))
	}
	duty := schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{And: []schemas.Filter{
		{Column: "colour", Op: "in", Values: []string{"green", "blue"}}, {Column: "n", Op: "lt", Values: []string{"8000"}}, {Column: "word", Op: "neq", Values: []string{"word 1 of many"}}}}}
	id, lease := r.Ready(t, "filtered", Open(duty), files...)
	want := []string{}
	for i, row := range texts(shards) {
		// A row with null in a column that is named does not match.
		if i < 8000 && i%5 != 4 && i%3 != 0 && i%7 != 3 && i != 1 {
			want = append(want, row)
		}
	}
	for _, d := range doors {
		recs, raw, err := read(d, lease, id, nil)
		must(t, err)
		equal(t, d.Name(), want, texts(recs))
		if bytes.Contains(raw, []byte("red")) {
			t.Errorf("%s: a dictionary holds a value of rows that are not shown", d.Name())
		}
		if !d.Ranks() {
			continue
		}
		for _, world := range []int{1, 2, 3} {
			got := []string{}
			for rank := range world {
				ask := url.Values{"seed": {"5"}, "world": {fmt.Sprint(world)}, "rank": {fmt.Sprint(rank)}}
				whole := texts(all(t, d, lease, id, ask))
				k := len(whole) / 3
				ask.Set("from", fmt.Sprint(k))
				equal(t, "resumed", whole[k:], texts(all(t, d, lease, id, ask)))
				got = append(got, whole...)
			}
			sorted := slices.Sorted(slices.Values(want))
			slices.Sort(got)
			equal(t, fmt.Sprintf("%s world %d", d.Name(), world), sorted, got)
		}
	}
}

const marker = "ZyxommaPetiolatum"

// marked hides the marker wherever a column can: values, dictionary values (in use
// and not), under nulls, in nested children, in metadata.
func marked() arrow.Record {
	list := arrow.ListOf(arrow.BinaryTypes.String)
	nested := arrow.StructOf(arrow.Field{Name: "inner", Type: arrow.BinaryTypes.String, Nullable: true}, arrow.Field{Name: "size", Type: arrow.PrimitiveTypes.Int32, Nullable: true})
	md := arrow.NewMetadata([]string{"note"}, []string{marker})
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64, Metadata: md},
		{Name: "secret", Type: arrow.BinaryTypes.String, Nullable: true, Metadata: md},
		{Name: "kind", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.BinaryTypes.String}, Nullable: true},
		{Name: "many", Type: list, Nullable: true},
		{Name: "deep", Type: nested, Nullable: true},
		{Name: "word", Type: arrow.BinaryTypes.String, Nullable: true},
	}, &md))
	for i := range 500 {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		if i%3 == 0 {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.StringBuilder).Append(fmt.Sprint(marker, i))
		}
		_ = b.Field(2).(*array.BinaryDictionaryBuilder).AppendString(fmt.Sprint(marker, i%4))
		l := b.Field(3).(*array.ListBuilder)
		l.Append(true)
		l.ValueBuilder().(*array.StringBuilder).Append(marker)
		s := b.Field(4).(*array.StructBuilder)
		s.Append(true)
		s.FieldBuilder(0).(*array.StringBuilder).Append(marker)
		s.FieldBuilder(1).(*array.Int32Builder).Append(int32(i))
		b.Field(5).(*array.StringBuilder).Append(fmt.Sprintf("seen %d", i))
	}
	return underNulls(b.NewRecord())
}

// underNulls makes some slots of the column word null and leaves the marker's bytes
// there.
func underNulls(rec arrow.Record) arrow.Record {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	valid := memory.NewResizableBuffer(memory.DefaultAllocator)
	valid.Resize(int(rec.NumRows()+7) / 8)
	nulls := 0
	for i := range int(rec.NumRows()) {
		if i%10 == 7 {
			b.Append(marker)
			nulls++
			continue
		}
		b.Append(fmt.Sprintf("seen %d", i))
		valid.Bytes()[i/8] |= 1 << (i % 8)
	}
	d := b.NewArray().Data()
	word := array.MakeFromData(array.NewData(arrow.BinaryTypes.String, d.Len(), []*memory.Buffer{valid, d.Buffers()[1], d.Buffers()[2]}, nil, nulls, 0))
	cols := slices.Clone(rec.Columns())
	cols[5] = word
	return array.NewRecord(rec.Schema(), cols, rec.NumRows())
}

// hidden plants a marker everywhere in the hidden columns and looks for it in every
// door's raw bytes [decisions.md 11].
func hidden(t *testing.T, r *Rig, doors []Door) {
	file := FileOf(t, marked())
	if bytes.Count(file, []byte(marker)) < 1000 {
		t.Fatal("the marker was not planted")
	}
	hide := schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"secret", "kind", "many", "deep.inner"}}
	for name, duties := range map[string][]schemas.Duty{
		"projected": {hide}, "filtered": {hide, filterOn("n", "gteq", "250")}, "edited": {hide, {Kind: schemas.DutyGeneralise, Columns: []string{"n"}, To: "10"}},
	} {
		id, lease := r.Ready(t, "hidden-"+name, Open(duties...), file)
		for _, d := range doors {
			asks := []url.Values{{}}
			if d.Ranks() {
				asks = append(asks, url.Values{"from": {"13"}}, url.Values{"seed": {"3"}, "world": {"2"}, "rank": {"1"}})
			}
			for _, ask := range asks {
				recs, raw, err := read(d, lease, id, ask)
				must(t, err)
				if len(recs) == 0 || bytes.Contains(raw, []byte(marker)) {
					t.Errorf("%s, %s %v: %d batches, the marker is there %d times", name, d.Name(), ask, len(recs), bytes.Count(raw, []byte(marker)))
				}
				for _, column := range []string{"secret", "kind", "many", "inner"} {
					if bytes.Contains(raw, []byte(column)) {
						t.Errorf("%s, %s: the hidden column's name %q is among the bytes", name, d.Name(), column)
					}
				}
			}
		}
	}
}

// pseudonyms join inside a permit and nowhere else.
func pseudonyms(t *testing.T, r *Rig, doors []Door) {
	offer := Open(schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"n", "colour"}})
	one := r.Publish(t, "pseudonyms-1", offer, FileOf(t, numbers(0, 100)))
	two := r.Publish(t, "pseudonyms-2", offer, FileOf(t, numbers(50, 100)))
	same := r.Agree(t, time.Time{}, one, two)
	other := r.Agree(t, time.Time{}, one)
	lease := r.Lease(t, same[0].ID, same[1].ID, other[0].ID)
	column := func(d Door, id schemas.AgreementID) []string {
		var out []string
		for _, rec := range all(t, d, lease, id, nil) {
			for i := range int(rec.NumRows()) {
				out = append(out, rec.Column(0).ValueStr(i))
			}
		}
		return out
	}
	var first []string
	for i, d := range doors {
		a, b, c := column(d, same[0].ID), column(d, same[1].ID), column(d, other[0].ID)
		if i == 0 {
			first = a
		}
		equal(t, d.Name()+": the same at every door", first, a)
		equal(t, d.Name()+": joins inside the permit", a[50:], b[:50])
		for j := range a {
			if a[j] == c[j] {
				t.Errorf("%s: row %d has one pseudonym under two permits", d.Name(), j)
			}
		}
		_, raw, err := read(d, lease, same[0].ID, nil)
		must(t, err)
		if bytes.Contains(raw, []byte("green")) {
			t.Errorf("%s: a pseudonymised dictionary's value is among the bytes", d.Name())
		}
	}
}

func generalised(t *testing.T, r *Rig, doors []Door) {
	id, lease := r.Ready(t, "generalised", Open(schemas.Duty{Kind: schemas.DutyGeneralise, Columns: []string{"n"}, To: "10"},
		schemas.Duty{Kind: schemas.DutyGeneralise, Columns: []string{"word", "colour"}, To: "first:3"}), FileOf(t, numbers(0, 200)))
	for _, d := range doors {
		recs := all(t, d, lease, id, nil)
		for i, n := range ints(recs) {
			if n != int64(i-i%10) {
				t.Fatalf("%s: row %d has n = %d", d.Name(), i, n)
			}
		}
		for _, row := range texts(recs) {
			if strings.Contains(row, "word 1") || strings.Contains(row, "green") || strings.Contains(row, "blue") {
				t.Fatalf("%s: %s", d.Name(), row)
			}
		}
	}
}
