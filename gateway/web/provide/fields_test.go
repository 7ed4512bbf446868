package provide

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"guichet/gateway/web/blocks"
	"guichet/schemas"
)

// full is a description with more than a form shows.
func full() schemas.Dataset {
	return schemas.Dataset{
		ID: "ds-1", IRI: "urn:x", Provider: "https://p.example", Space: "agriculture", Visibility: "listed", VisibleTo: []schemas.ParticipantID{"https://t.example"},
		Title: schemas.Text{"en": "Wheat", "de": "Weizen"}, Description: schemas.Text{"en": "One\nTwo", "de": "Eins"},
		Keywords: []string{"wheat", "Weizen"}, KeywordsIn: schemas.KeywordsIn{"de": {"Weizen"}}, Themes: []string{"AGRI", "http://eurovoc.europa.eu/1"},
		Countries: []string{"FR", "DE"}, Regions: []string{"BE10"}, Box: []float64{1, 2, 3, 4}, Languages: []string{"fr"}, Publisher: "P", Contact: "a@b.example",
		Licence: "CC-BY-4.0", Licences: []string{"CC-BY-4.0", "CC0-1.0"}, Attribution: "© P", From: "2020", Until: "2022",
		Periods: []schemas.Days{{From: "2020", Until: "2020"}, {From: "2022", Until: "2022"}}, RDF: "<> a <urn:y> .",
		Tables: []schemas.TableInfo{
			{Name: "yields", Title: schemas.Text{"en": "Yields"}, CSV: &schemas.CSV{Delimiter: ";"}, Fields: []schemas.Field{
				{Name: "a", Type: "date", Format: "dd.MM.yyyy", Concept: "urn:c", Unit: "t/ha", Description: schemas.Text{"en": "A", "de": "Ä"}, Sensitivity: "quasi"},
				{Name: "b"},
			}},
			{Name: "pictures", Objects: true},
		},
	}
}

// TestFormsKeepAll: a description that was put into a form and sent unchanged is the same, with what the form does not
// show.
func TestFormsKeepAll(t *testing.T) {
	t.Parallel()
	d := full()
	for _, lang := range []string{"en", "de"} {
		got, _ := described(d, typedOf(&d, lang))
		if !reflect.DeepEqual(got, d) {
			t.Errorf("%s: %+v\nwant\n%+v", lang, got, d)
		}
	}
}

// TestChangedFields: what is typed is taken, in its language; what follows from it is taken back.
func TestChangedFields(t *testing.T) {
	t.Parallel()
	d := full()
	f := typedOf(&d, "en")
	f.set("title", "Rye")
	f.set("description", "")
	f.set("keywords", "rye; wheat,\nwheat")
	f.set("licence", "CC0-1.0 ")
	f.set("until", "2023")
	f.set("countries", "France, Germany")
	f.set("theme")
	f.set("t0-c0-about", "Another")
	f.set("t0-c1-name", "")
	f.set("t0-name", "harvests")
	got, _ := described(d, f)
	if got.Title["en"] != "Rye" || got.Title["de"] != "Weizen" || got.Description["en"] != "" || got.Description["de"] != "Eins" {
		t.Errorf("%v %v", got.Title, got.Description)
	}
	if !slices.Equal(got.Keywords, []string{"rye", "wheat"}) || got.KeywordsIn != nil || got.Licences != nil || got.Licence != "CC0-1.0" || got.Periods != nil ||
		!slices.Equal(got.Countries, []string{"France", "Germany"}) || len(got.Themes) != 0 {
		t.Errorf("%+v", got)
	}
	table := got.Tables[0]
	if table.Name != "harvests" || table.CSV == nil || len(table.Fields) != 1 || table.Fields[0].Concept != "urn:c" ||
		table.Fields[0].Description["en"] != "Another" || table.Fields[0].Description["de"] != "Ä" {
		t.Errorf("%+v", table)
	}
	none, _ := described(schemas.Dataset{}, typed{"lang": {"fr"}})
	if none.Title == nil || len(none.Title) != 0 || none.Tables != nil || none.Description != nil {
		t.Errorf("%+v", none)
	}
}

// TestPointers: a fault that the API names stands at the field that it is about, also where rows of the form are blank.
func TestPointers(t *testing.T) {
	t.Parallel()
	f := typed{"lang": {"en"}, "tables": {"2"}, "t1-name": {"second"}, "t1-columns": {"5"}, "t1-c2-name": {"third"}, "t1-c2-type": {"odd"}}
	d, at := described(schemas.Dataset{}, f)
	if len(d.Tables) != 1 || len(d.Tables[0].Fields) != 1 {
		t.Fatalf("%+v", d.Tables)
	}
	for pointer, want := range map[string]string{
		"/title": "title", "/title/en": "title", "/body/contact": "contact", "/countries/3": "countries", "/licences/0": "licence", "/themes/0": "theme",
		"/periods/0/from": "from", "/keywords_in/de": "keywords", "/tables/0": "t1-name", "/tables/0/name": "t1-name", "/tables/0/fields/0": "t1-c2-name",
		"/tables/0/fields/0/type": "t1-c2-type", "/tables/0/fields/0/description/en": "t1-c2-about", "/tables/0/fields/0/format": "t1-c2-name",
		"/tables/7/name": "", "/tables": "", "/provider": "", "": "",
	} {
		if got := fieldOf(pointer, at); got != want {
			t.Errorf("%s: %q, want %q", pointer, got, want)
		}
	}
}

// TestRows: a form has blank rows to fill in, more of them where they are asked for, and never more than it can take.
func TestRows(t *testing.T) {
	t.Parallel()
	count := func(f typed) (tables, columns int) {
		for _, x := range f.tables() {
			tables, columns = tables+1, columns+len(x.Columns)
		}
		return tables, columns
	}
	for what, c := range map[string]struct {
		form            typed
		tables, columns int
	}{
		"empty":          {typed{}, 1, blankRows},
		"more columns":   {typed{"tables": {"1"}, "t0-columns": {"3"}, "do": {"more-t0"}}, 1, 3 + blankRows},
		"another table":  {typed{"tables": {"1"}, "t0-columns": {"3"}, "do": {"more-tables"}}, 2, 3 + blankRows},
		"far too many":   {typed{"tables": {"1000000"}, "t0-columns": {"1000000"}}, mostTables, mostColumns},
		"no number":      {typed{"tables": {"many"}, "t0-columns": {"-7"}}, 1, blankRows},
		"as they are":    {typed{"tables": {"2"}, "t0-columns": {"2"}, "t1-columns": {"1"}}, 2, 3},
		"not beyond all": {typed{"tables": {"20"}, "do": {"more-tables"}}, mostTables, mostTables * blankRows},
	} {
		if tables, columns := count(c.form); tables != c.tables || columns != c.columns {
			t.Errorf("%s: %d tables with %d columns, want %d with %d", what, tables, columns, c.tables, c.columns)
		}
	}
	d := full()
	d.Tables = slices.Repeat(d.Tables, mostTables)
	if got, _ := described(d, typed{"lang": {"en"}, "title": {"X"}}); !wide(&d) || !reflect.DeepEqual(got.Tables, d.Tables) {
		t.Error("tables that the form does not show are lost")
	}
	if got := blocks.Split(" a,b ;\r\n a \n" + strings.Repeat(",", 9)); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%q", got)
	}
}
