package webdataset

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"pgregory.net/rapid"

	"guichet/connectors/batch"
	"guichet/connectors/column"
	"guichet/connectors/ipc"
	"guichet/schemas"
)

// tarOf makes a tar of files: name, bytes, name, bytes.
func tarOf(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var list []tar.Header
	var bodies []string
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, tar.Header{Name: pairs[i], Typeflag: tar.TypeReg, Mode: 0o600})
		bodies = append(bodies, pairs[i+1])
	}
	return packed(t, list, bodies)
}

// packed makes a tar of members as they are.
func packed(t testing.TB, list []tar.Header, bodies []string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := range list {
		if list[i].Typeflag == tar.TypeReg {
			list[i].Size = int64(len(bodies[i]))
		}
		err := w.WriteHeader(&list[i])
		if err == nil && list[i].Size > 0 {
			_, err = w.Write([]byte(bodies[i]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// npy is a file of NumPy's.
func npy(descr, shape string, values ...byte) string {
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape)
	head += strings.Repeat(" ", 63-(10+len(head))%64) + "\n"
	return "\x93NUMPY\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(head)))) + head + string(values)
}

// read reads a tar whole: its fields, and its rows as JSON that Arrow writes.
func read(data []byte, o Options, want *ipc.Schema) (fields string, rows []string, err error) {
	s, err := Open(context.Background(), data, o, want)
	if err != nil {
		return "", nil, err
	}
	schema := arrow.NewSchema(s.Fields(), nil)
	var names []string
	for _, f := range s.Fields() {
		shape, _ := f.Metadata.GetValue(ipc.ExtensionMetadata)
		names = append(names, strings.TrimSpace(f.Name+" "+f.Type.String()+" "+shape))
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

// TestSamples: members of one name are a row, each ending a column of the type that all of its
// members have.
func TestSamples(t *testing.T) {
	tensor := npy("<i2", "(2, 1)", 1, 0, 2, 0)
	data := tarOf(t,
		"./a/1.jpg", "JPG1", "./a/1.CLS", "7", "./a/1.txt", "é", "./a/1.npy", tensor, "a/._1.jpg", "apple",
		"a/2.jpg", "JPG2", "a/2.cls", "-3", "a/2.seg.png", "PNG", "a/2.json", `{"x":1}`,
		"3.cls", "0", "3.npy", tensor)
	fields, rows, err := read(data, Options{}, nil)
	const want = `__key__ utf8, jpg binary, cls int64, txt utf8, npy fixed_size_list<item: int16, nullable>[2] {"shape":[2,1]}, seg.png binary, json utf8`
	if err != nil || fields != want {
		t.Fatalf("%s, %v; want\n%s", fields, err, want)
	}
	wantRows := []string{
		`{"__key__":"a/1","cls":7,"jpg":"SlBHMQ==","json":null,"npy":[1,2],"seg.png":null,"txt":"é"}`,
		`{"__key__":"a/2","cls":-3,"jpg":"SlBHMg==","json":"{\"x\":1}","npy":null,"seg.png":"UE5H","txt":null}`,
		`{"__key__":"3","cls":0,"jpg":null,"json":null,"npy":[1,2],"seg.png":null,"txt":null}`,
	}
	if !reflect.DeepEqual(rows, wantRows) {
		t.Errorf("rows are\n%s", strings.Join(rows, "\n"))
	}
	s, err := Open(t.Context(), data, Options{}, nil)
	if err != nil || len(s.Notes) != 1 || s.Notes[0] != "members left out, as their names begin with a dot: 1" {
		t.Errorf("%v, %v", s, err)
	}
	got := MediaTypes(s.Fields())
	if !reflect.DeepEqual(got, map[string]string{"jpg": "image/jpeg", "txt": "text/plain", "seg.png": "image/png", "json": "application/json"}) {
		t.Errorf("media types are %v", got)
	}
}

// TestColumns: what members of an ending are together decides its column; what would not read
// back is text or bytes.
func TestColumns(t *testing.T) {
	one := npy("<f4", "(2,)", make([]byte, 8)...)
	for name, c := range map[string]struct {
		ending  string
		members []string
		want    string
	}{
		"whole":        {"cls", []string{"1", "-20"}, "int64"},
		"zeros first":  {"cls", []string{"1", "007"}, "utf8"},
		"line end":     {"cls", []string{"1", "2\n"}, "utf8"},
		"many digits":  {"cls", []string{"12345678901234567890"}, "utf8"},
		"not text":     {"cls", []string{"\xff"}, "binary"},
		"text":         {"txt", []string{"1", "two"}, "utf8"},
		"not UTF-8":    {"txt", []string{"ok", "\xff"}, "binary"},
		"one shape":    {"npy", []string{one, one}, "fixed_size_list<item: float32, nullable>[2]"},
		"shapes":       {"npy", []string{one, npy("<f4", "(1, 2)", make([]byte, 8)...)}, "binary"},
		"types":        {"npy", []string{one, npy("<i4", "(2,)", make([]byte, 8)...)}, "binary"},
		"no array":     {"npy", []string{one, "text"}, "binary"},
		"other order":  {"npy", []string{npy(">f4", "(2,)", make([]byte, 8)...)}, "binary"},
		"objects":      {"npy", []string{npy("|O", "(2,)", make([]byte, 16)...)}, "binary"},
		"too short":    {"npy", []string{npy("<f4", "(2,)", make([]byte, 7)...)}, "binary"},
		"no dimension": {"npy", []string{npy("<f4", "()", make([]byte, 4)...)}, "binary"},
		"no value":     {"npy", []string{npy("<f4", "(0, 3)")}, "binary"},
		"a huge one":   {"npy", []string{npy("|u1", "(4000000000, 4000000000)", 1)}, "binary"},
		"images":       {"jpg", []string{"1", "2"}, "binary"},
	} {
		var pairs []string
		for i, m := range c.members {
			pairs = append(pairs, fmt.Sprintf("%d.%s", i, c.ending), m)
		}
		fields, rows, err := read(tarOf(t, pairs...), Options{}, nil)
		got := strings.TrimPrefix(fields, "__key__ utf8, "+c.ending+" ")
		if got, _, _ = strings.Cut(got, " {"); err != nil || got != c.want || len(rows) != len(c.members) {
			t.Errorf("%s: %s, %d rows, %v", name, fields, len(rows), err)
		}
	}
}

// TestFaults: what leads out of the tar, is no plain file, or is there twice.
func TestFaults(t *testing.T) {
	link := func(kind byte) []byte {
		return packed(t, []tar.Header{{Name: "a.jpg", Linkname: "/etc/passwd", Typeflag: kind}}, []string{""})
	}
	var many []string
	for i := range 257 {
		many = append(many, fmt.Sprintf("a.e%d", i), "x")
	}
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"symbolic link": {link(tar.TypeSymlink), `"a.jpg" is no plain file`},
		"hard link":     {link(tar.TypeLink), "no plain file"},
		"pipe":          {link(tar.TypeFifo), "no plain file"},
		"device":        {link(tar.TypeChar), "no plain file"},
		"above":         {tarOf(t, "../a.jpg", "x"), "leads out of the tar"},
		"above, later":  {tarOf(t, "a/../../b.jpg", "x"), "leads out of the tar"},
		"from the root": {tarOf(t, "/a.jpg", "x"), "leads out of the tar"},
		"around":        {tarOf(t, "a//b.jpg", "x"), "leads out of the tar, or around"},
		"unseen":        {tarOf(t, "a\u202eb.jpg", "x"), "cannot name a member"},
		"no ending":     {tarOf(t, "a", "x"), `"a" has no ending`},
		"empty ending":  {tarOf(t, "a.", "x"), "has no ending"},
		"twice":         {tarOf(t, "a.jpg", "x", "a.JPG", "y"), `the sample "a" has two members that end in .jpg`},
		"apart":         {tarOf(t, "a.jpg", "x", "b.jpg", "y", "a.cls", "1"), `members of the sample "a" stand in two places`},
		"key":           {tarOf(t, "a.__key__", "x"), "have the name of the column of keys"},
		"endings":       {tarOf(t, many...), "more than 256 endings"},
		"joined":        {append(tarOf(t, "a.jpg", "x"), tarOf(t, "b.jpg", "y")...), "goes on after its end"},
		"empty":         {tarOf(t), "the tar has no sample"},
		"no tar":        {[]byte(strings.Repeat("not a tar", 200)), "the tar is damaged after 0 members"},
		"cut":           {tarOf(t, "a.jpg", strings.Repeat("x", 5000))[:2000], `"a.jpg": the tar ends in the middle`},
	} {
		_, _, err := read(c.data, Options{}, nil)
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want %q", name, err, c.says)
		}
	}
}

// TestTarsTogether: tars of a table have one type for an ending, whatever each would have alone,
// and a tar that is added later takes the types of the table or is refused.
func TestTarsTogether(t *testing.T) {
	small, large := npy("|u1", "(2,)", 1, 2), npy("|u1", "(3,)", 1, 2, 3)
	files := [][]byte{tarOf(t, "1.cls", "7", "1.npy", small), tarOf(t, "2.cls", "seven", "2.npy", large), tarOf(t, "3.jpg", "x", "3.npy", small)}
	var all []Seen
	for _, f := range files {
		s, err := Open(t.Context(), f, Options{Open: true, Seen: all}, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(s.Seen()) // it crosses to the child and back
		var crossed []Seen
		if err == nil {
			err = json.Unmarshal(text, &crossed)
		}
		if err != nil {
			t.Fatal(err)
		}
		all = Join(all, crossed)
	}
	for _, f := range files {
		got, _, err := read(f, Options{Open: true, Seen: all}, nil)
		if err != nil || got != "__key__ utf8, cls utf8, npy binary, jpg binary" {
			t.Errorf("%s, %v", got, err)
		}
	}
	s, err := Open(t.Context(), files[0], Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &ipc.Schema{Arrow: arrow.NewSchema(s.Fields(), nil)}
	if _, rows, err := read(tarOf(t, "9.npy", small), Options{}, want); err != nil || rows[0] != `{"__key__":"9","cls":null,"npy":[1,2]}` {
		t.Errorf("%s, %v", rows, err)
	}
	for says, data := range map[string][]byte{
		`sample "9", .npy: it is no value of the type that the table has,`: tarOf(t, "9.npy", large),
		`sample "8", .cls: it is no value of the type that the table has,`: tarOf(t, "8.cls", "x"),
		`the table has no column for .jpg`:                                 files[2],
		`.npy: it is no value`:                                             tarOf(t, "9.npy", npy("|u1", "(1, 2)", 1, 2)),
	} {
		_, _, err := read(data, Options{}, want)
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%v; want %q", err, says)
		}
	}
}

// TestTensors: each element type of NumPy's that a tensor can be of keeps its values.
func TestTensors(t *testing.T) {
	for descr, of := range elements() {
		width := of.(arrow.FixedWidthDataType).Bytes()
		values := make([]byte, 2*width)
		values[0], values[width] = 1, 2
		if of.ID() == arrow.FLOAT32 || of.ID() == arrow.FLOAT64 { // 2.0
			values[width], values[width-1], values[0], values[2*width-1] = 0, 0x40, 0, 0x40
		}
		_, rows, err := read(tarOf(t, "a.npy", npy(descr, "(2,)", values...)), Options{}, nil)
		want := "[1,2]"
		if of.ID() == arrow.FLOAT32 || of.ID() == arrow.FLOAT64 {
			want = "[2,2]"
		}
		if err != nil || rows[0] != `{"__key__":"a","npy":`+want+`}` {
			t.Errorf("%s: %s, %v", descr, rows, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		x := tensor{rapid.SampledFrom([]string{"<f4", "|u1", "<i8"}).Draw(t, "descr"), rapid.SliceOfN(rapid.IntRange(1, 20), 1, 4).Draw(t, "shape")}
		if y, ok := parseTensor(x.String()); !ok || !reflect.DeepEqual(x, y) {
			t.Fatalf("%v is read as %v", x, y)
		}
	})
	for _, s := range []string{"", "<f4", "<f41,", "<f4-1", "|O1", "<f49999999,9999999", "<f4" + strings.Repeat("1,", 9) + "1"} {
		if x, ok := parseTensor(s); ok {
			t.Errorf("%q is read as %v", s, x)
		}
	}
}

// Whatever bytes come, they are samples or a fault of the tar, and its columns are valid.
func FuzzOpen(f *testing.F) {
	f.Add(tarOf(f, "a.jpg", "x", "a.cls", "1", "b.npy", npy("<f4", "(1,)", 0, 0, 0, 0)))
	f.Add([]byte(npy("<f4", "(1,)", 0, 0, 0, 0)))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, data := range [][]byte{data, tarOf(t, "a.npy", string(data), "a.cls", string(data), "b.txt", string(data))} {
			s, err := Open(t.Context(), data, Options{}, nil)
			if err == nil {
				err = s.Each(t.Context(), func(b batch.Rows) error {
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
			}
			if err != nil && schemas.KindOf(err) != schemas.Invalid {
				t.Errorf("%v", err)
			}
		}
	})
}

// TestTensorsLeftOut: a tensor that a sample leaves out takes the room of one, and batches are small
// accordingly.
func TestTensorsLeftOut(t *testing.T) {
	pairs := []string{"0.npy", npy("<f4", "(150528,)", make([]byte, 4*150528)...)}
	for i := range 20 {
		pairs = append(pairs, fmt.Sprintf("%d.txt", i+1), "x")
	}
	s, err := Open(t.Context(), tarOf(t, pairs...), Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, most := 0, 0
	err = s.Each(t.Context(), func(b batch.Rows) error {
		rows += b.Len
		most = max(most, b.Len)
		return nil
	})
	if err != nil || rows != 21 || most > 4 {
		t.Errorf("%d rows, at most %d in a batch, %v", rows, most, err)
	}
}

// TestDivide: a sample's name ends at the first dot of the file's, whatever dots its folders have.
func TestDivide(t *testing.T) {
	for name, want := range map[string][2]string{
		"a.jpg": {"a", "jpg"}, "./a.jpg": {"a", "jpg"}, "a.seg.PNG": {"a", "seg.png"}, "v1.2/a.b": {"v1.2/a", "b"}, "é/b.c.d": {"é/b", "c.d"},
	} {
		if key, ending := divide(name); key != want[0] || ending != want[1] {
			t.Errorf("%s is %q and %q", name, key, ending)
		}
	}
	for ending, want := range map[string]string{"png": "png", "seg.png": "png", "a.b.c": "c"} {
		if got := last(ending); got != want {
			t.Errorf("%s ends in %q", ending, got)
		}
	}
}

// TestNobodyWaits: a tar is not read on when its reader has gone.
func TestNobodyWaits(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Open(ctx, tarOf(t, "a.jpg", "x"), Options{}, nil); err == nil {
		t.Error("it is read")
	}
}

// TestManyEndings: tars that have few endings each may have too many together.
func TestManyEndings(t *testing.T) {
	var all []Seen
	for i := range maxEndings + 1 {
		all = Join(all, []Seen{{Ending: fmt.Sprint("e", i)}})
	}
	if _, err := Fields(all); schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "more than 256 endings") {
		t.Errorf("%v", err)
	}
}
