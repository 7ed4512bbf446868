package jsonl

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/klauspost/compress/gzip"
	"pgregory.net/rapid"

	"guichet/connectors/batch"
	"guichet/connectors/column"
	"guichet/connectors/ipc"
	"guichet/schemas"
)

// read reads a file whole: its fields, and its rows as JSON that Arrow writes.
func read(text string, o Options, want *ipc.Schema) (fields string, rows []string, err error) {
	s, err := Open(context.Background(), []byte(text), o, want)
	if err != nil {
		return "", nil, err
	}
	schema := arrow.NewSchema(s.Fields(), nil)
	var names []string
	for _, f := range s.Fields() {
		names = append(names, f.Name+" "+f.Type.String())
	}
	err = s.Each(context.Background(), func(b batch.Rows) error {
		rec := column.Record(schema, b.Columns, b.Len, nil)
		for i := range b.Len {
			one := map[string]any{}
			for j, c := range rec.Columns() {
				one[rec.ColumnName(j)] = c.GetOneForMarshal(i)
			}
			text, err := json.Marshal(one)
			if err != nil {
				return err
			}
			rows = append(rows, string(text))
		}
		return nil
	})
	return strings.Join(names, ", "), rows, err
}

// TestTypes: each type with the values that make it, and how it is written again.
func TestTypes(t *testing.T) {
	for name, c := range map[string]struct{ lines, fields, rows string }{
		"plain": {`{"b":true,"i":1,"f":2.5,"s":"x"}`, "b bool, i int64, f float64, s utf8", `{"b":true,"f":2.5,"i":1,"s":"x"}`},
		"null and left out": {"{\"a\":1,\"b\":null}\n{\"b\":null}\n{\"a\":null}\n", "a int64, b null",
			`{"a":1,"b":null} {"a":null,"b":null} {"a":null,"b":null}`},
		"later members":          {"{}\n{\"z\":1}\r\n\n  \n{\"a\":\"x\",\"z\":2}", "z int64, a utf8", `{"a":null,"z":null} {"a":null,"z":1} {"a":"x","z":2}`},
		"numbers":                {"{\"n\":1}\n{\"n\":2.50}\n{\"n\":1e3}\n{\"n\":0.10000000000000001}\n{\"n\":-0.0}", "n float64", `{"n":1} {"n":2.5} {"n":1000} {"n":0.1} {"n":-0}`},
		"beyond int64":           {"{\"n\":1}\n{\"n\":18446744073709551615}", "n uint64", `{"n":1} {"n":18446744073709551615}`},
		"int64's ends":           {"{\"n\":-9223372036854775808}\n{\"n\":9223372036854775807}", "n int64", `{"n":-9223372036854775808} {"n":9223372036854775807}`},
		"0 with a sign":          {"{\"n\":-0}\n{\"n\":18446744073709551615}", "n uint64", `{"n":0} {"n":18446744073709551615}`},
		"floats without a point": {"{\"n\":18014398509481990}\n{\"n\":100000000000000000000}", "n float64", `{"n":18014398509481990} {"n":100000000000000000000}`},
		"exact beside floats":    {"{\"n\":9007199254740992}\n{\"n\":0.5}", "n float64", `{"n":9007199254740992} {"n":0.5}`},
		"seconds":                {"{\"t\":\"2026-01-02T03:04:05Z\"}\n{\"t\":null}", "t timestamp[s, tz=UTC]", `{"t":"2026-01-02 03:04:05Z"} {"t":null}`},
		"milliseconds":           {`{"t":"1969-12-31T23:59:59.999Z"}`, "t timestamp[ms, tz=UTC]", `{"t":"1969-12-31 23:59:59.999Z"}`},
		"digits differ":          {"{\"t\":\"2026-01-02T03:04:05Z\"}\n{\"t\":\"2026-01-02T03:04:05.000Z\"}", "t utf8", `{"t":"2026-01-02T03:04:05Z"} {"t":"2026-01-02T03:04:05.000Z"}`},
		"a zone":                 {`{"t":"2026-01-02T03:04:05+00:00"}`, "t utf8", `{"t":"2026-01-02T03:04:05+00:00"}`},
		"not all are times":      {"{\"t\":\"2026-01-02T03:04:05Z\"}\n{\"t\":\"later\"}", "t utf8", `{"t":"2026-01-02T03:04:05Z"} {"t":"later"}`},
		"no such day":            {`{"t":"2026-02-30T03:04:05Z"}`, "t utf8", `{"t":"2026-02-30T03:04:05Z"}`},
		"years of nanos":         {`{"t":"0001-01-01T00:00:00.000000001Z"}`, "t utf8", `{"t":"0001-01-01T00:00:00.000000001Z"}`},
		"lists":                  {"{\"l\":[1,2]}\n{\"l\":[]}\n{\"l\":[null,0.5]}\n{}", "l list<item: float64, nullable>", `{"l":[1,2]} {"l":[]} {"l":[null,0.5]} {"l":null}`},
		"structs": {"{\"o\":{\"x\":1}}\n{\"o\":{\"y\":[{\"z\":true}]}}\n{\"o\":null}\n{\"o\":{}}", "o struct<x: int64, y: list<item: struct<z: bool>, nullable>>",
			`{"o":{"x":1,"y":null}} {"o":{"x":null,"y":[{"z":true}]}} {"o":null} {"o":{"x":null,"y":null}}`},
		"escapes":    {`{"s":"\u00e9\n\ud83d\ude00\u0000","é":1}`, "s utf8, é int64", `{"s":"é\n😀\u0000","é":1}`},
		"byte order": {"\xef\xbb\xbf{\"a\":1}\n", "a int64", `{"a":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			fields, rows, err := read(c.lines, Options{Name: "p/a.jsonl"}, nil)
			if err != nil || fields != c.fields || strings.Join(rows, " ") != c.rows {
				t.Errorf("%s\n%s\n%v; want\n%s\n%s", fields, strings.Join(rows, " "), err, c.fields, c.rows)
			}
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			_, _ = z.Write([]byte(c.lines)) // into memory
			_ = z.Close()
			again, packedRows, err := read(packed.String(), Options{Name: "p/a.jsonl.gz"}, nil)
			if err != nil || again != fields || !reflect.DeepEqual(packedRows, rows) {
				t.Errorf("packed: %s %s, %v", again, packedRows, err)
			}
		})
	}
}

// TestSparse: lines that leave most members out make batches of few rows, since each null takes room.
func TestSparse(t *testing.T) {
	var wide strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&wide, `,"k%d":{"x":1}`, i)
	}
	text := "{" + wide.String()[1:] + "}\n" + strings.Repeat("{}\n", 1000)
	s, err := Open(t.Context(), []byte(text), Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, most := 0, 0
	err = s.Each(t.Context(), func(b batch.Rows) error {
		rows += b.Len
		most = max(most, b.Len)
		return nil
	})
	if err != nil || rows != 1001 || most*10_000 > maxCells+10_000 {
		t.Errorf("%d rows, at most %d in a batch, %v", rows, most, err)
	}
}

// TestFaults: what would not read back as written, and what is no JSON lines, with its line and
// place.
func TestFaults(t *testing.T) {
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	var wide strings.Builder
	for i := range 10_001 {
		fmt.Fprintf(&wide, "{\"k%d\":1}\n", i)
	}
	for name, c := range map[string]struct{ lines, says string }{
		"twice":           {"{\"a\":1}\n{\"a\":1,\"a\":2}", "line 2: a name is given twice"},
		"twice, escaped":  {`{"a":1,"\u0061":2}`, "line 1: a name is given twice"},
		"twice, inside":   {`{"o":{"x":1,"x":2}}`, `line 1, "o": a name is given twice`},
		"not UTF-8":       {"{\"a\":\"\xff\"}", "line 1"},
		"half a pair":     {`{"a":"\ud800"}`, "line 1"},
		"cut":             {"{\"a\":1}\n{\"a\":", "line 2"},
		"a list":          {`[1]`, "line 1: each line is one object, and this is a list"},
		"a document":      {"[\n{\"a\":1},\n", "line 1: "},
		"two":             {`{"a":1}{"a":2}`, "line 1: there is more after the object"},
		"words":           {`{"a":NaN}`, "line 1"},
		"single quotes":   {`{'a':1}`, "line 1"},
		"trailing comma":  {`{"a":1,}`, "line 1"},
		"octal":           {`{"a":007}`, "line 1"},
		"big":             {`{"a":18446744073709551617}`, `line 1, "a": the whole number 18446744073709551617 is beyond 64 bits`},
		"digits":          {`{"a":0.1234567890123456789}`, `line 1, "a": the number 0.1234567890123456789 has more digits than a float64 holds`},
		"infinite":        {`{"a":1e400}`, "beyond what a float64 holds"},
		"vanishing":       {`{"a":1e-400}`, "beyond what a float64 holds"},
		"kinds":           {"{\"o\":{\"a\":1}}\n{\"o\":{\"a\":\"x\"}}", `"o.a": values of one column are of one kind; here are a whole number in line 1 of a.jsonl, text in line 2 of a.jsonl`},
		"signs":           {"{\"a\":-1}\n{\"a\":18446744073709551615}", `"a": whole numbers below 0 and beyond 9223372036854775807`},
		"rounded whole":   {"{\"a\":9007199254740993}\n{\"a\":0.5}", `the whole number 9007199254740993 (line 1 of a.jsonl) would not read back`},
		"empty objects":   {`{"a":{}}`, `"a": its objects have no member anywhere`},
		"nothing":         {"\n\n", "no line has a member"},
		"deep":            {`{"a":` + deep + `}`, "more than 32 deep"},
		"names as values": {wide.String(), "more than 10000 places"},
		"gzip":            {"\x1f\x8bnot gzip at all", "packed with gzip, and damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := read(c.lines, Options{Name: "p/a.jsonl"}, nil)
			if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v; want %q", err, c.says)
			}
		})
	}
}

// TestTablesTypes: a file that is added takes the types of its table, exactly or not at all.
func TestTablesTypes(t *testing.T) {
	item := arrow.ListOf(arrow.BinaryTypes.String)
	fields := []arrow.Field{
		{Name: "i", Type: arrow.PrimitiveTypes.Int32, Nullable: true}, {Name: "f", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
		{Name: "t", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, Nullable: true},
		{Name: "l", Type: item, Nullable: true}, {Name: "d", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
	}
	want := &ipc.Schema{Arrow: arrow.NewSchema(fields, nil)}
	_, rows, err := read(`{"l":["a",null],"f":0.1,"i":-5,"t":"2026-01-02T03:04:05.5Z"}`, Options{}, want)
	if err != nil || len(rows) != 1 || rows[0] != `{"d":null,"f":0.1,"i":-5,"l":["a",null],"t":"2026-01-02 03:04:05.5Z"}` {
		t.Errorf("%s, %v", rows, err)
	}
	for line, says := range map[string]string{
		`{"i":2147483648}`:                     `"2147483648", of a column of type int32, is no value`,
		`{"i":1.0}`:                            "is no value of the column's type",
		`{"i":"1"}`:                            "text is no value of the type int32",
		`{"f":0.123456789}`:                    "has more digits",
		`{"t":"2026-01-02T03:04:05.0000001Z"}`: "is no value of the column's type",
		`{"l":[1]}`:                            `line 1, "l.[]": a number is no value of the type utf8`,
		`{"l":{"a":1}}`:                        "an object is no value of the type list",
		`{"d":"2026-01-02"}`:                   "text is no value of the type date32",
		`{"i":[1]}`:                            "a list is no value of the type int32",
		`{"new":1}`:                            "the table has no such column",
	} {
		_, _, err := read(line, Options{}, want)
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v; want %q", line, err, says)
		}
	}
	got, _, err := read(`{"i":1}`, Options{Beside: []string{"d", "i"}}, want)
	if err != nil || !strings.HasPrefix(got, "i int32") || strings.Contains(got, "date32") {
		t.Errorf("beside columns that stand elsewhere: %s, %v", got, err)
	}
}

// TestFilesTogether: files of a table have one type for a place, whatever each would have alone.
func TestFilesTogether(t *testing.T) {
	files := []string{`{"a":1,"o":{"x":null}}`, `{"a":2.5,"b":"2026-01-02T03:04:05Z"}`, `{"o":{"x":[true],"y":1}}`}
	var all *Shape
	for i, f := range files {
		s, err := Open(t.Context(), []byte(f), Options{Name: fmt.Sprintf("%d.jsonl", i), Open: true, Seen: all}, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(s.Seen()) // it crosses to the child and back
		crossed := &Shape{}
		if err == nil {
			err = json.Unmarshal(text, crossed)
		}
		if err != nil {
			t.Fatal(err)
		}
		all = Join(all, crossed)
	}
	for _, f := range files {
		got, _, err := read(f, Options{Open: true, Seen: all}, nil)
		if err != nil || got != "a float64, o struct<x: list<item: bool, nullable>, y: int64>, b timestamp[s, tz=UTC]" {
			t.Errorf("%s: %s, %v", f, got, err)
		}
	}
	other, err := Open(t.Context(), []byte(`{"a":"x"}`), Options{Name: "p/9.jsonl", Open: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Join(all, other.Seen()).Fields()
	if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "a number in line 1 of 1.jsonl, text in line 1 of 9.jsonl") {
		t.Errorf("%v", err)
	}
}

// value draws any JSON value that a column of a kind can have.
func value(t *rapid.T, kind int, depth int) any {
	if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
		return nil
	}
	switch kind % 6 {
	case 0:
		return rapid.Bool().Draw(t, "bool")
	case 1:
		return json.Number(fmt.Sprint(rapid.Int64().Draw(t, "int")))
	case 2:
		text, _ := json.Marshal(rapid.Float64Range(-1e300, 1e300).Draw(t, "float")) // it is finite
		return json.Number(text)
	case 3:
		return rapid.String().Draw(t, "text")
	case 4:
		out := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			out = append(out, value(t, kind/6+3*depth, depth+1))
		}
		return out
	}
	return map[string]any{"x": value(t, kind/6, depth+1), "y": value(t, 0, depth+1)}
}

// TestValuesReadBack: whatever values a file has, each is the same when Arrow writes it again.
func TestValuesReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kinds := rapid.SliceOfN(rapid.IntRange(0, 35), 1, 4).Draw(t, "kinds")
		var text bytes.Buffer
		var want []map[string]any
		for range rapid.IntRange(1, 6).Draw(t, "rows") {
			row := map[string]any{}
			for i, k := range kinds {
				row[fmt.Sprint("c", i)] = value(t, k, 0)
			}
			line, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(append(line, '\n'))
			want = append(want, row)
		}
		_, rows, err := read(text.String(), Options{Name: "a.jsonl"}, nil)
		if err != nil || len(rows) != len(want) {
			t.Fatalf("%s%d rows, %v", text.String(), len(rows), err)
		}
		for i := range rows {
			if a, b := plain(t, rows[i]), plain(t, want[i]); !reflect.DeepEqual(a, b) {
				t.Fatalf("row %d is %v, and was %v", i, a, b)
			}
		}
	})
}

// plain is JSON with numbers as float64 and as their own text where they are whole.
func plain(t *rapid.T, v any) any {
	text, is := v.(string)
	if !is {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var out any
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return numbers(out)
}

func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if !strings.ContainsAny(string(v), ".eE") {
			if _, err := v.Int64(); err == nil {
				f, _ := v.Float64()
				if f > -1e15 && f < 1e15 {
					return f
				}
				return string(v)
			}
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}

// TestLongFiles: rows come in batches, and long lines whole.
func TestLongFiles(t *testing.T) {
	var text strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&text, "{\"n\":%d}\n", i)
	}
	fmt.Fprintf(&text, "{\"s\":%q}\n", strings.Repeat("x", 3<<20))
	s, err := Open(t.Context(), []byte(text.String()), Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, batches := 0, 0
	err = s.Each(t.Context(), func(b batch.Rows) error {
		rows += b.Len
		batches++
		if b.Len > maxRows {
			t.Errorf("a batch has %d rows", b.Len)
		}
		return nil
	})
	if err != nil || rows != 40_001 || batches < 3 {
		t.Errorf("%d rows in %d batches, %v", rows, batches, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Open(ctx, []byte(text.String()), Options{}, nil); err == nil {
		t.Error("it is read although nobody waits")
	}
}

// Whatever bytes come, they are rows or a fault of the file, and rows are as many as there are
// lines with something in them.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[{"c":"x"}]}`))
	f.Add([]byte("{\"a\":1e5}\n{\"a\":null}"))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Open(t.Context(), data, Options{Name: "a.jsonl"}, nil)
		if err == nil {
			n := 0
			err = s.Each(t.Context(), func(b batch.Rows) error {
				n += b.Len
				for _, c := range b.Columns {
					if err := c.Check(); err != nil {
						t.Errorf("a column is not valid: %v", err)
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("types were settled, and then: %v", err)
			}
			if lines := len(bytes.FieldsFunc(data, func(r rune) bool { return r == '\n' })); n > lines && !bytes.HasPrefix(data, []byte(gzipMagic)) {
				t.Errorf("%d rows in %d lines", n, lines)
			}
		}
		if err != nil && schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%v", err)
		}
	})
}

// bg is for helpers that no test's context reaches.
func bg() context.Context { return context.Background() }
