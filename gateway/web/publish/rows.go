package publish

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"guichet/gateway/web/page"
	"guichet/schemas"
)

// A form of a publication holds rows: where files are, and which table and split they make. Each field of a row stands
// as often in the form as there are rows, in their order.
//
//	place                path        table  split  as
//	s3://local/b/wheat/  2026/train/ yield  train
//	s3://local/b/wheat/  2026/test/  yield  test
//	s3://local/b/wheat/  2026/img/   photo         files

// mostRows is how many rows a form has: what is more is published by the command line.
const mostRows = 64

// rowFields are the fields of a row.
func rowFields() []string { return []string{"place", "path", "table", "split", "as"} }

// row is one of them, as it is shown.
type row struct {
	I                         int
	Place, Path, Table, Split string
	Files                     bool // given as they are
}

// Number is the row's for people.
func (r row) Number() int { return r.I + 1 }

// At is the name under which a field of the row is found in the page.
func (r row) At(field string) string { return at(field, r.I) }

// at is the name under which a field of a row is found in the page.
func at(field string, i int) string { return field + "-" + strconv.Itoa(i) }

// get gives a field of the i-th row; "" where there is none.
func get(t url.Values, field string, i int) string {
	if i < 0 || i >= len(t[field]) {
		return ""
	}
	return strings.TrimSpace(t[field][i])
}

// rowsOf are the rows of a form, one at least.
func rowsOf(t url.Values) []row {
	n := 1
	for _, field := range rowFields() {
		n = max(n, len(t[field]))
	}
	var out []row
	for i := range min(n, mostRows) {
		table := get(t, "table", i)
		if len(t["table"]) <= i { // not typed yet
			table = "data"
		}
		out = append(out, row{i, get(t, "place", i), get(t, "path", i), table, get(t, "split", i), get(t, "as", i) == "files"})
	}
	return out
}

// putRows writes rows into a form.
func putRows(t url.Values, rows []row) {
	for _, field := range rowFields() {
		t[field] = nil
	}
	for _, r := range rows {
		as := ""
		if r.Files {
			as = "files"
		}
		for field, s := range map[string]string{"place": r.Place, "path": r.Path, "table": r.Table, "split": r.Split, "as": as} {
			t[field] = append(t[field], s)
		}
	}
}

// addRow adds a row after the others, at the same place, and gives its number.
func addRow(t url.Values) int {
	rows := rowsOf(t)
	last := rows[len(rows)-1]
	if len(rows) < mostRows {
		rows = append(rows, row{Place: last.Place, Table: last.Table, Files: last.Files})
	}
	putRows(t, rows)
	return len(rows) - 1
}

// removeRow takes a row out; one stays.
func removeRow(t url.Values, i int) {
	rows := rowsOf(t)
	if i >= 0 && i < len(rows) && len(rows) > 1 {
		rows = slices.Delete(rows, i, i+1)
	}
	putRows(t, rows)
}

// origin says of which rows of the form the parts of a publication are made.
type origin struct {
	tables []int     // the first row of each table
	splits [][]int   // of each split of each table
	keys   [][][]int // of each key of each split
}

// inTables finds what a pointer into a publication is about.
var inTables = regexp.MustCompile(`^(?:/body)?/tables/(\d+)(?:/splits/(\d+)(?:/keys/(\d+))?)?`)

// field finds the field of the form that a fault is about.
func (o *origin) field(pointer string) string {
	if own, is := strings.CutPrefix(pointer, "/rows/"); is { // a fault of ours, which names it
		return own
	}
	m := inTables.FindStringSubmatch(pointer)
	switch {
	case strings.HasPrefix(pointer, "/store"), strings.HasPrefix(pointer, "/bucket"):
		return at("place", 0)
	case m == nil:
		return fieldOf(pointer)
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n } // digits alone
	table := number(m[1])
	if table >= len(o.tables) {
		return ""
	}
	row, field := o.tables[table], "table"
	if strings.HasSuffix(pointer, "/objects") {
		field = "as"
	}
	if split := number(m[2]); m[2] != "" && split < len(o.splits[table]) {
		row, field = o.splits[table][split], "path"
		if strings.HasSuffix(pointer, "/name") {
			field = "split"
		}
		if key := number(m[3]); m[3] != "" && key < len(o.keys[table][split]) {
			row = o.keys[table][split][key]
		}
	}
	return at(field, row)
}

// publication makes one of rows. What lies under a name that ends with a slash is published whole; single files of one
// split are put together. The origin tells of which row each part is. Errors: Invalid, with the field as /rows/FIELD-ROW.
func publication(v *page.Visit, t url.Values) (p schemas.Publication, o *origin, err error) {
	o = &origin{}
	bad := func(field string, i int, word string) error {
		return schemas.BadField("publication", "/rows/"+at(field, i), "%s", v.Reader.T(word))
	}
	for _, r := range rowsOf(t) {
		rest, is := strings.CutPrefix(r.Place, "s3://")
		parts := strings.SplitN(rest, "/", 3)
		if !is || len(parts) < 3 {
			return p, o, bad("place", r.I, "publish.noplace")
		}
		store, bucket := schemas.StoreID(parts[0]), parts[1]
		if r.I > 0 && (p.Store != store || p.Bucket != bucket) {
			return p, o, bad("place", r.I, "publish.otherbucket")
		}
		p.Store, p.Bucket = store, bucket
		name := cmp.Or(r.Table, "data")
		i := slices.IndexFunc(p.Tables, func(have schemas.PublicationTable) bool { return have.Name == name })
		if i < 0 {
			i = len(p.Tables)
			p.Tables = append(p.Tables, schemas.PublicationTable{Name: name, Objects: r.Files})
			o.tables, o.splits, o.keys = append(o.tables, r.I), append(o.splits, nil), append(o.keys, nil)
		}
		table := &p.Tables[i]
		if table.Objects != r.Files {
			return p, o, bad("as", r.I, "publish.mixed")
		}
		key := parts[2] + strings.TrimPrefix(r.Path, "/")
		whole := strings.HasSuffix(key, "/")
		j := slices.IndexFunc(table.Splits, func(have schemas.PublicationSplit) bool { return have.Name == r.Split && have.Prefix == "" })
		if whole || j < 0 {
			j = len(table.Splits)
			table.Splits = append(table.Splits, schemas.PublicationSplit{Name: r.Split})
			o.splits[i], o.keys[i] = append(o.splits[i], r.I), append(o.keys[i], nil)
		}
		if whole {
			table.Splits[j].Prefix = key
			continue
		}
		table.Splits[j].Keys = append(table.Splits[j].Keys, key)
		o.keys[i][j] = append(o.keys[i][j], r.I)
	}
	finish(&p, t)
	return p, o, nil
}
