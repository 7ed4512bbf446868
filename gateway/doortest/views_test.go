package doortest

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
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
		if regexp.MustCompile(`[^a-z]red`).Match(raw) { // "stored" is said of the order
			t.Errorf("%s: a dictionary holds a value of rows that are not shown", d.Name())
		}
		if !d.Ranks() {
			continue
		}
		for _, world := range []int{1, 2, 3} {
			got := []string{}
			for rank := range world {
				ask := url.Values{"seed": {"5"}, "order": {"2"}, "world": {fmt.Sprint(world)}, "rank": {fmt.Sprint(rank)}}
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

// pseudonyms join inside a permit and column; across datasets where each offer names the
// same joint domain and parties, and nowhere else: a dataset of all possible ids in the
// same request is no code book.
func pseudonyms(t *testing.T, r *Rig, doors []Door) {
	alias := schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"n", "colour"}}
	one := r.Publish(t, "pseudonyms-1", Open(alias), FileOf(t, numbers(0, 100)))
	book := r.Publish(t, "pseudonyms-2", Open(alias), FileOf(t, numbers(0, 500)))
	alias.Domain = "survey"
	left := r.Publish(t, "pseudonyms-3", Open(alias), FileOf(t, numbers(0, 100)))
	right := r.Publish(t, "pseudonyms-4", Open(alias), FileOf(t, numbers(50, 100)))
	alias.With = []string{"https://grid.example"} // which does not name agronomy
	apart := r.Publish(t, "pseudonyms-5", Open(alias), FileOf(t, numbers(0, 100)))
	same := r.Agree(t, time.Time{}, one, book, left, right, apart)
	other := r.Agree(t, time.Time{}, one, left)
	lease := r.Lease(t, same[0].ID, same[1].ID, same[2].ID, same[3].ID, same[4].ID, other[0].ID, other[1].ID)
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
		a, b := column(d, same[2].ID), column(d, same[3].ID)
		if i == 0 {
			first = a
		}
		equal(t, d.Name()+": the same at every door", first, a)
		equal(t, d.Name()+": joins in the domain that both name", a[50:], b[:50])
		seen := map[string]int{}
		for n, id := range []schemas.AgreementID{same[0].ID, same[1].ID, same[2].ID, same[4].ID, other[0].ID, other[1].ID} {
			for _, p := range column(d, id) {
				if m, known := seen[p]; known && m != n {
					t.Fatalf("%s: a pseudonym of stream %d stands in stream %d", d.Name(), m, n)
				}
				seen[p] = n
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

// twice are two versions of a table of which the filter n < 1000 shows the same rows
// and, without the columns secret and kind, the same values. Of the second, rows that
// are not shown are more and stand elsewhere, a shard has none that is, and hidden
// values are longer.
func twice() (one, other [][]arrow.Record) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64},
		{Name: "secret", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "word", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "kind", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.BinaryTypes.String}, Nullable: true},
		{Name: "colour", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, Nullable: true},
	}, nil)
	shard := func(hidden, long, from, to int) []arrow.Record {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		row := func(n, i int, colour string) {
			b.Field(0).(*array.Int64Builder).Append(int64(n))
			b.Field(1).(*array.StringBuilder).Append(strings.Repeat("s", long*(i%5)))
			b.Field(2).(*array.StringBuilder).Append(fmt.Sprintf("word %d", i))
			_ = b.Field(3).(*array.BinaryDictionaryBuilder).AppendString(strings.Repeat("k", 10*long+i%9))
			_ = b.Field(4).(*array.BinaryDictionaryBuilder).AppendString(colour)
		}
		for range 7 * hidden {
			row(5000, 1, "a colour of hidden rows")
		}
		for i := from; i < to; i++ {
			for range hidden * (i % 3) {
				row(2000+i, i, fmt.Sprintf("hidden %d", i%4))
			}
			row(i%1000, i, []string{"red", "green", "blue"}[i%3])
		}
		return []arrow.Record{b.NewRecord()}
	}
	// Rows stay below 56 bytes, so that the windows of both have 65,536.
	return [][]arrow.Record{shard(0, 1, 0, 700), shard(0, 1, 700, 1500)},
		[][]arrow.Record{shard(2, 7, 0, 700), shard(3, 9, 0, 0), shard(1, 8, 700, 1500)}
}

// nothingHiddenShows: rows and columns that are hidden move no byte of a stream or
// file, no number of its manifest, batches or begin record.
func nothingHiddenShows(t *testing.T, r *Rig, doors []Door) {
	one, other := twice()
	duties := []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{"secret", "kind"}}, filterOn("n", "lt", "1000"), {Kind: schemas.DutyPseudonymise, Columns: []string{"word"}, Domain: "both"}}
	var data []schemas.Dataset
	for i, shards := range [][][]arrow.Record{one, other} {
		var files [][]byte
		for _, recs := range shards {
			files = append(files, FileOf(t, recs...))
		}
		data = append(data, r.Publish(t, fmt.Sprintf("twice-%d", i), Open(duties...), files...))
	}
	both := r.Agree(t, time.Time{}, data...) // one permit and joint domain: the same pseudonyms
	lease := r.Lease(t, both[0].ID, both[1].ID)
	m := r.Manifest(t, both[0].ID, lease)
	equal(t, "manifest", m.Tables, r.Manifest(t, both[1].ID, lease).Tables)
	var shown []int64
	for _, sh := range m.Tables[0].Shards {
		shown = append(shown, sh.Batches...)
	}
	equal(t, "columns", "[{n int64} {word fixed_size_binary[16]} {colour dictionary<values=utf8, indices=int8, ordered=false>}]", fmt.Sprint(m.Tables[0].Columns))
	for _, d := range doors {
		asks := []url.Values{{}, {"columns": {"word,colour"}}}
		if d.Ranks() {
			asks = append(asks, url.Values{"seed": {"3"}, "world": {"3"}, "rank": {"1"}}, url.Values{"from": {"13"}}, url.Values{"world": {"2"}, "rank": {"1"}})
		}
		for _, ask := range asks {
			what := d.Name() + " " + ask.Encode()
			recs1, raw1, err := read(d, lease, both[0].ID, ask)
			must(t, err)
			recs2, raw2, err := read(d, lease, both[1].ID, ask)
			must(t, err)
			equal(t, what+": batches", len(recs1), len(recs2))
			if len(ask) == 0 && d.Ranks() {
				var got []int64
				for _, rec := range recs1 {
					got = append(got, rec.NumRows())
				}
				equal(t, what+": the manifest's batches", shown, got)
			}
			if len(recs1) == 0 || !bytes.Equal(anonymous(raw1), anonymous(raw2)) {
				t.Errorf("%s: %d bytes and %d, which differ", what, len(raw1), len(raw2))
			}
		}
	}
	var records [2][]string
	for i, a := range both {
		for _, rel := range r.Releases(t, a.ID) {
			records[i] = append(records[i], fmt.Sprintf("%s: at most %d rows, %d bytes; %d rows, %d bytes in %d batches", rel.Ask, rel.MostRows, rel.MostBytes, rel.Rows, rel.Bytes, rel.Batches))
		}
		slices.Sort(records[i])
	}
	if len(records[0]) < 10 {
		t.Errorf("%d releases", len(records[0]))
	}
	equal(t, "records", records[0], records[1])
}

// anonymous leaves out what names a release, which Flight sends beside the schema.
func anonymous(raw []byte) []byte {
	return regexp.MustCompile(`rel-[a-z0-9]+`).ReplaceAll(raw, []byte("rel"))
}
