package view

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
	"guichet/schemas"
)

func pseudonymise(names ...string) schemas.Duty {
	return schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: names, Rule: "§pseudonym", Source: "the offer"}
}

func generalise(to string, names ...string) schemas.Duty {
	return schemas.Duty{Kind: schemas.DutyGeneralise, To: to, Columns: names, Rule: "§coarser", Source: "the offer"}
}

func rowsWhere(column, op, value string) schemas.Duty {
	return schemas.Duty{
		Kind:   schemas.DutyFilter,
		Filter: &schemas.Filter{Column: column, Op: op, Values: []string{value}},
		Rule:   "§rows",
		Source: "the offer",
	}
}

func rowBudget() schemas.Duty { return schemas.Duty{Kind: schemas.DutyBudget, Rows: 10} }

// What a view shows, edits and needs, under duties and columns asked for. The columns are
// n name kind* many region* ok secret, those with a star dictionaries 0 and 1.
func TestWhatIsShown(t *testing.T) {
	all := []int{0, 1, 2, 3, 4, 5, 6}
	for name, c := range map[string]struct {
		duties                                []schemas.Duty
		columns                               []string
		shown, edited, dictionaries, needed   []int
		raw, filters, compact, anotherColumns bool
	}{
		"everything": {nil, nil, all, nil, []int{0, 1}, []int{0, 1}, true, false, false, false},
		"all asked for": {nil, []string{"secret", "ok", "region", "many", "kind", "name", "n"}, all, nil, []int{0, 1}, []int{0, 1},
			true, false, false, false},
		"some asked for": {nil, []string{"ok", "kind"}, []int{2, 5}, nil, []int{0}, []int{0}, false, false, false, true},
		"hidden": {[]schemas.Duty{hide("secret", "region")}, nil, []int{0, 1, 2, 3, 5}, nil, []int{0}, []int{0}, false,
			false, false, true},
		"edited": {[]schemas.Duty{pseudonymise("name", "kind")}, nil, all, []int{1, 2}, []int{1}, []int{0, 1}, false, false,
			false, true},
		"edited and hidden": {[]schemas.Duty{pseudonymise("name", "kind"), hide("kind")}, nil, []int{0, 1, 3, 4, 5, 6}, []int{1},
			[]int{1}, []int{1}, false, false, false, true},
		"filtered": {[]schemas.Duty{rowsWhere("kind", "eq", "a")}, []string{"n"}, []int{0}, nil, nil, []int{0}, false, true,
			false, true},
		"a budget of rows":        {[]schemas.Duty{rowBudget()}, nil, all, nil, []int{0, 1}, []int{0, 1}, true, false, true, false},
		"a budget, no dictionary": {[]schemas.Duty{rowBudget()}, []string{"n"}, []int{0}, nil, nil, nil, false, false, false, true},
		"a budget, rows filtered": {[]schemas.Duty{rowBudget(), rowsWhere("n", "gt", "1")}, nil, all, nil, []int{0, 1}, []int{0, 1}, false,
			true, false, false},
		"another table's duties": {[]schemas.Duty{{Kind: schemas.DutyHide, Table: "other", Columns: []string{"n"}}}, nil, all, nil,
			[]int{0, 1}, []int{0, 1}, true, false, false, false},
		"what changes no bytes": {[]schemas.Duty{{Kind: schemas.DutyAttribute, Text: "by X"}, {Kind: schemas.DutyFactory}}, nil, all, nil,
			[]int{0, 1}, []int{0, 1}, true, false, false, false},
		"coarser than a pseudonym": {[]schemas.Duty{pseudonymise("name"), generalise("10", "name")}, []string{"name"}, []int{1}, []int{1},
			nil, nil, false, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			table := persons()
			v, err := New(table, &schemas.Agreement{Obligations: c.duties}, c.columns, key())
			if err != nil {
				t.Fatal(err)
			}
			for what, lists := range map[string][2][]int{"columns": {v.Columns, c.shown}, "edited": {v.Edited, c.edited},
				"dictionaries": {v.Dictionaries, c.dictionaries}, "needed": {v.Needed, c.needed}} {
				if !slices.Equal(lists[0], lists[1]) {
					t.Errorf("%s are %v, want %v", what, lists[0], lists[1])
				}
			}
			if v.Raw() != c.raw || (v.Filter != nil) != c.filters || v.Compact != c.compact {
				t.Errorf("raw %t, filters %t, compact %t", v.Raw(), v.Filter != nil, v.Compact)
			}
			s, err := ipc.ParseSchema(v.Schema)
			if err != nil {
				t.Fatal(err)
			}
			for at, f := range s.Arrow.Fields() {
				if want := v.Fields[at]; f.Name != want.Name || !arrow.TypeEqual(f.Type, want.Type) || f.Nullable != want.Nullable {
					t.Errorf("the schema says %s, the view %s", f, want)
				}
			}
			if same := bytes.Equal(v.Schema, table.Schema); same == c.anotherColumns {
				t.Errorf("the schema is the table's: %t", same)
			}
		})
	}
}

// Each refusal of a view, with its rule and its words.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		duties  []schemas.Duty
		columns []string
		kind    schemas.Kind
		rule    string
		text    string
	}{
		{nil, []string{"n", "age"}, schemas.Invalid, "", `the table has no column "age"`},
		{nil, []string{"name.first"}, schemas.Invalid, "", `the table has no column "name.first"`},
		{[]schemas.Duty{hide("name")}, []string{"n", "name"}, schemas.Denied, "§hide", `column "name" is hidden by the agreement`},
		{[]schemas.Duty{hide("n", "name", "kind", "many", "region", "ok", "secret")}, nil, schemas.Denied, "agreement",
			"no column is left to show"},
		{[]schemas.Duty{pseudonymise("many")}, nil, schemas.Denied, "§pseudonym",
			`column "many": columns of type list<item: int16, nullable> cannot be pseudonymised`},
		{[]schemas.Duty{generalise("month", "name")}, nil, schemas.Denied, "§coarser", `column "name": `},
		{[]schemas.Duty{generalise("10", "n"), generalise("15", "n")}, nil, schemas.Denied, "§coarser",
			`two rules make column "n" coarser, to 10 and to 15, and neither is the coarser`},
		{[]schemas.Duty{rowsWhere("age", "lt", "1")}, nil, schemas.Denied, "§rows",
			`the row filter cannot be carried out: the table has no column "age"`},
		{[]schemas.Duty{rowsWhere("n", "lt", "x")}, nil, schemas.Denied, "§rows", "the row filter cannot be carried out: "},
		{[]schemas.Duty{rowsWhere("many", "lt", "1")}, nil, schemas.Denied, "§rows", "columns of type list"},
		{[]schemas.Duty{{Kind: "watermark", Rule: "§w"}}, nil, schemas.Denied, "§w", `the obligation "watermark" cannot be carried out here`},
	} {
		_, err := New(persons(), &schemas.Agreement{Obligations: c.duties}, c.columns, key())
		if schemas.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%+v, %v: got %v, want %s", c.duties, c.columns, err, c.text)
			continue
		}
		if e := err.(*schemas.Error); c.rule != "" && (len(e.Reasons) != 1 || e.Reasons[0].Rule != c.rule) { //nolint:errorlint // as it is made
			t.Errorf("%s: by %+v, want %s", c.text, e.Reasons, c.rule)
		}
	}
}

// Of two steps that nest the coarser holds, in whatever order they stand.
func TestCoarserSteps(t *testing.T) {
	for _, steps := range [][]string{{"10", "50"}, {"50", "10"}, {"10", "50", "10"}} {
		var duties []schemas.Duty
		for _, to := range steps {
			duties = append(duties, generalise(to, "n"))
		}
		v, err := New(persons(), &schemas.Agreement{Obligations: duties}, []string{"n"}, key())
		if err != nil {
			t.Fatal(err)
		}
		b := array.NewInt64Builder(memory.DefaultAllocator)
		b.AppendValues([]int64{7, 49, 123}, nil)
		got, err := v.Apply(0, b.NewArray())
		if err != nil || got.String() != "[0 0 100]" {
			t.Errorf("%v make [7 49 123] to %v: %v", steps, got, err)
		}
	}
}

// A view's name moves with everything that moves rows or bytes, and with nothing else.
func TestDigests(t *testing.T) {
	name := func(a schemas.Agreement, columns ...string) string {
		v, err := New(persons(), &a, columns, key())
		if err != nil {
			t.Fatal(err)
		}
		return v.Digest
	}
	base := schemas.Agreement{Permit: "req-1", Obligations: []schemas.Duty{pseudonymise("name")}}
	with := func(change func(a *schemas.Agreement)) schemas.Agreement {
		a := base
		a.Obligations = slices.Clone(base.Obligations)
		change(&a)
		return a
	}
	seen := map[string]string{name(base): "base"}
	for what, a := range map[string]schemas.Agreement{
		"another permit": with(func(a *schemas.Agreement) { a.Permit = "req-2" }),
		"a duty more":    with(func(a *schemas.Agreement) { a.Obligations = append(a.Obligations, hide("n")) }),
		"a domain":       with(func(a *schemas.Agreement) { a.Obligations[0].Domain = "d" }),
		"a filter":       with(func(a *schemas.Agreement) { a.Obligations = append(a.Obligations, rowsWhere("n", "lt", "5")) }),
		"another filter": with(func(a *schemas.Agreement) { a.Obligations = append(a.Obligations, rowsWhere("n", "lt", "6")) }),
		"a derivation":   with(func(a *schemas.Agreement) { a.Pseudonyms = 2 }),
	} {
		d := name(a)
		if seen[d] != "" {
			t.Errorf("%s has the name of %s", what, seen[d])
		}
		seen[d] = what
	}
	if seen[name(base, "n", "name")] != "" || name(base, "n", "name") != name(base, "name", "n") {
		t.Error("columns name a view by their order, or not at all")
	}
	same := with(func(a *schemas.Agreement) {
		a.ID, a.Participant = "agr-2", "https://other.example"
		a.Obligations[0].Rule, a.Obligations[0].Source = "§9", "another"
		a.Obligations = append(a.Obligations, schemas.Duty{Kind: schemas.DutyAttribute, Text: "by X"}, rowBudget())
	})
	if name(same) != name(base) {
		t.Error("what moves no row or byte moves the name")
	}
}

// What a provider says of shown columns stands in the schema; of hidden ones it does not.
func TestDescribedColumns(t *testing.T) {
	table := persons()
	table.Columns[0].Unit = "kWh"
	table.Columns[6].Unit = "a secret description"
	v, err := New(table, &schemas.Agreement{Obligations: []schemas.Duty{hide("secret")}}, nil, key())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(v.Schema, []byte("kWh")) || bytes.Contains(v.Schema, []byte("a secret description")) {
		t.Error("the schema says too little or too much")
	}
	plain, err := New(persons(), &schemas.Agreement{Obligations: []schemas.Duty{hide("secret")}}, nil, key())
	if err != nil || plain.Digest == v.Digest {
		t.Errorf("the words are not part of the name: %v", err)
	}
}

// Messages that are spliced have the shown columns, and nothing of the others.
func TestSplice(t *testing.T) {
	fields := []arrow.Field{
		number("n"),
		{Name: "secret", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
	}
	table := tableOf(fields...)
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	for i := range 40 {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprint("hidden ", i))
		if i%4 == 0 {
			b.Field(2).AppendNull()
			continue
		}
		b.Field(2).(*array.StringBuilder).Append(fmt.Sprint("name ", i%3))
	}
	rec := b.NewRecord()
	all, err := batch.Collect([]batch.Part{{Record: rec, N: 40}}, batch.Gathering{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := New(table, &schemas.Agreement{Obligations: []schemas.Duty{hide("secret"), pseudonymise("name")}}, nil, key())
	if err != nil {
		t.Fatal(err)
	}
	edited, err := v.Apply(2, rec.Column(2))
	if err != nil {
		t.Fatal(err)
	}
	made := []byte("before")
	got, err := v.Splice(&made, all.Message(), map[int]arrow.Array{2: edited})
	if err != nil || !bytes.HasPrefix(made, []byte("before")) || len(made) != len("before")+len(got) || bytes.Contains(got, []byte("hidden")) {
		t.Fatalf("%d bytes were made behind what was there: %v", len(got), err)
	}
	d, err := batch.NewDecoder(v.Schema, nil)
	if err != nil {
		t.Fatal(err)
	}
	cols, err := d.Columns(got, []int{0, 1})
	if err != nil || !array.Equal(cols[0], rec.Column(0)) || !array.Equal(cols[1], edited) {
		t.Errorf("the columns are %v: %v", cols, err)
	}
	for i := range 40 {
		if cols[1].IsNull(i) != rec.Column(2).IsNull(i) {
			t.Errorf("row %d is null: %t", i, cols[1].IsNull(i))
		}
	}
	g, err := v.Gather([]batch.Part{{Record: v.Stored([]arrow.Array{rec.Column(0), rec.Column(2)}), From: 10, N: 20}}, false, nil)
	if err != nil || g.Rows() != 20 || !array.Equal(g.Record().Column(1), array.NewSlice(edited, 10, 30)) {
		t.Errorf("gathered: %v", err)
	}
}

// A bound is never below what can come, and looks at nothing that is hidden: of two batches
// that differ in hidden columns alone the bounds are the same.
func TestBoundsLookAtWhatIsShown(t *testing.T) {
	v, err := New(persons(), &schemas.Agreement{Obligations: []schemas.Duty{hide("secret", "kind"), pseudonymise("name"),
		generalise("first:2", "region")}}, nil, key())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.Int64Range(1, 5000).Draw(t, "rows")
		b := schemas.Block{Meta: 800, Rows: rows}
		for range 7 {
			b.Columns = append(b.Columns, rapid.Int64Range(0, 1<<20).Draw(t, "bytes"))
		}
		for _, n := range b.Columns {
			b.Body += n
		}
		other := b
		other.Columns = slices.Clone(b.Columns)
		other.Columns[2], other.Columns[6] = rapid.Int64Range(0, 1<<30).Draw(t, "hidden"), 0
		part := rapid.Int64Range(1, rows).Draw(t, "part")
		if v.Bound(b, part) != v.Bound(other, part) || v.LargestMessage(b, part) != v.LargestMessage(other, part) ||
			v.Body(b, part) != v.Body(other, part) {
			t.Error("what is hidden moves a bound")
		}
		shown := b.Columns[0] + b.Columns[3] + b.Columns[5]
		body := v.Body(b, rows)
		if body < shown+16*rows || v.Bound(b, rows) < body+v.Frame || v.LargestMessage(b, rows) < min(body, MaxMessage) {
			t.Errorf("%d bytes are shown; the body is bounded by %d, the messages by %d", shown, body, v.Bound(b, rows))
		}
		if over := v.Surplus(b, part); over < 0 || over > v.Bound(b, part) {
			t.Errorf("a part is bounded by %d, and %d of it are too much", v.Bound(b, part), over)
		}
	})
}

// Where a manifest does not size columns, what the published batches keep to bounds them;
// a single row beyond that is told by its power of two alone.
func TestBoundsWithoutSizes(t *testing.T) {
	hidden, err := New(persons(), &schemas.Agreement{}, []string{"n", "name"}, key())
	if err != nil {
		t.Fatal(err)
	}
	fixed, err := New(persons(), &schemas.Agreement{}, []string{"n", "ok"}, key())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := New(persons(), &schemas.Agreement{}, nil, key())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		v     *View
		block schemas.Block
		want  int64
	}{
		{"all shown", raw, schemas.Block{Rows: 10, Body: 12345}, 12345},
		{"of any width", hidden, schemas.Block{Rows: 10, Body: 12345}, MaxMessage},
		{"a giant row", hidden, schemas.Block{Rows: 1, Body: 3*MaxMessage + 5}, 4 * MaxMessage},
		{"another as large", hidden, schemas.Block{Rows: 1, Body: 4 * MaxMessage}, 4 * MaxMessage},
		{"fixed widths", fixed, schemas.Block{Rows: 512, Body: 1 << 30}, 512*8 + 64 + 64},
	} {
		if got := c.v.Body(c.block, c.block.Rows); got < c.want || got > c.want+256 {
			t.Errorf("%s: bounded by %d, want about %d", c.name, got, c.want)
		}
	}
}
