package view

import (
	"bytes"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
	"guichet/policy/view/transform"
	"guichet/schemas"
)

func key() []byte { return bytes.Repeat([]byte{7}, 32) }

// tableOf is a table of such columns, as a manifest has it.
func tableOf(fields ...arrow.Field) *schemas.Table {
	t := &schemas.Table{Name: "t", WindowRows: 16, Schema: ipc.EncodeSchema(fields)}
	for _, f := range fields {
		t.Columns = append(t.Columns, schemas.TableColumn{Name: f.Name, Type: f.Type.String()})
	}
	return t
}

// persons is a table with a column of each shape that views handle apart.
func persons() *schemas.Table {
	coded := func(index arrow.DataType) arrow.DataType {
		return &arrow.DictionaryType{IndexType: index, ValueType: arrow.BinaryTypes.String}
	}
	return tableOf(arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int64},
		arrow.Field{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
		arrow.Field{Name: "kind", Type: coded(arrow.PrimitiveTypes.Int8), Nullable: true},
		arrow.Field{Name: "many", Type: arrow.ListOf(arrow.PrimitiveTypes.Int16), Nullable: true},
		arrow.Field{Name: "region", Type: coded(arrow.PrimitiveTypes.Int16), Nullable: true},
		arrow.Field{Name: "ok", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		arrow.Field{Name: "secret", Type: arrow.BinaryTypes.String, Nullable: true})
}

// What an agreement from before gave out stays: the name of its view, under which its
// rows are counted, and the key of its pseudonyms.
func TestViewsOfOldAgreementsStay(t *testing.T) {
	table := persons()
	a := &schemas.Agreement{Permit: "req-1", Obligations: []schemas.Duty{{Kind: schemas.DutyPseudonymise, Columns: []string{"name"}}}}
	old, err := New(table, a, []string{"name"}, key())
	if err != nil || old.Digest != "36c658fdcdee26beb7267dd946900f49b8ac4ecef46b3fefcee207cd1c84856d" {
		t.Errorf("the view is now named %s: %v", old.Digest, err)
	}
	a.Pseudonyms = 2
	v, err := New(table, a, []string{"name"}, key())
	if err != nil || v.Digest == old.Digest {
		t.Error("views of two derivations have one name", err)
	}
}

// A column joins in the one joint domain that the duties on it name; a duty on another
// table or column, and one that names none, leave that as it is; two domains leave none.
func TestLinkageOfAColumn(t *testing.T) {
	table := persons()
	cohort := schemas.Duty{
		Kind:    schemas.DutyPseudonymise,
		Columns: []string{"n", "name"},
		Domain:  "cohort",
		With:    []string{"https://a.example", "https://b.example"},
	}
	plain := schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"name"}}
	there, here := cohort, cohort
	there.Domain, there.Table = "there", "another"
	here.Domain = "here"
	for name, c := range map[string]struct {
		duties []schemas.Duty
		domain string
	}{"none": {[]schemas.Duty{plain}, ""}, "one": {[]schemas.Duty{cohort}, "cohort"},
		"and a plain one": {[]schemas.Duty{plain, cohort}, "cohort"}, "of another table": {[]schemas.Duty{cohort, there}, "cohort"},
		"two": {[]schemas.Duty{cohort, here, cohort}, ""}} {
		a := &schemas.Agreement{Permit: "req-1", Provider: "https://a.example", Dataset: "ds-1", Obligations: c.duties, Pseudonyms: 2}
		v, err := New(table, a, nil, key())
		if err != nil {
			t.Fatal(err)
		}
		got := v.linkage(bound(v.Table, "name")[0], table, a)
		if got.Domain != c.domain || got.Derivation != 2 || got.Column != "name" || got.Dataset != "ds-1" ||
			(len(got.Parties) == 2) != (c.domain != "") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A filter that compares a column of instants with a day once meant its first instant: what
// was kept of such a view is not used again, and the names of all other filters stay.
func TestFiltersByDaysHaveNewNames(t *testing.T) {
	at := &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	schema := arrow.NewSchema([]arrow.Field{{Name: "at", Type: at}, {Name: "day", Type: arrow.FixedWidthTypes.Date32}}, nil)
	for _, c := range []struct{ column, value, want string }{
		{"at", "2025-12-31", "e845332897e55eaffb3a6318029e09cd51a6fa40ec1d19a21bad5cada4c53480"},
		{"at", "2025-12-31T00:00:00Z", "042838deccee752d1d091ea29c5b7aba3fee576195d87b41d6008c57dcf40b4d"},
		{"day", "2025-12-31", "ce13b2091518bb1604fa6e437fa5b0afae5193eda29489f5776b84f2534887aa"},
	} {
		f, err := transform.NewFilter(&schemas.Filter{Column: c.column, Op: "lteq", Values: []string{c.value}}, schema, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		v := View{Filter: f}
		err = v.setDigest(&schemas.Table{Name: "data"}, &schemas.Agreement{Permit: "req-1", Obligations: []schemas.Duty{
			{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: c.column, Op: "lteq", Values: []string{c.value}}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if v.Digest != c.want {
			t.Errorf("%s lteq %s: the view is named %s, want %s", c.column, c.value, v.Digest, c.want)
		}
	}
}
