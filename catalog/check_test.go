package catalog

import (
	"errors"
	"strings"
	"testing"

	"guichet/schemas"
	"guichet/schemas/spaces"
)

// TestDescriptionsAreChecked: each fault of a description is named by its place, all of
// them at once.
func TestDescriptionsAreChecked(t *testing.T) {
	spaces, err := spaces.Profiles()
	must(t, err)
	c := New(Config{Spaces: spaces})
	for pointer, x := range map[string]struct {
		change func(d *schemas.Dataset)
		says   string
	}{
		"/provider":                      {func(d *schemas.Dataset) { d.Provider = "" }, "a dataset has a provider"},
		"/title":                         {func(d *schemas.Dataset) { d.Title = schemas.Text{"en": "  "} }, "a dataset has a title in at least one language"},
		"/title/english!":                {func(d *schemas.Dataset) { d.Title["english!"] = "x" }, "is not a language tag (BCP 47)"},
		"/description/en":                {func(d *schemas.Dataset) { d.Description["en"] = "a\x1b[2J" }, "control characters"},
		"/iri":                           {func(d *schemas.Dataset) { d.IRI = "not an iri" }, "is not an absolute IRI"},
		"/contact":                       {func(d *schemas.Dataset) { d.Contact = "the office" }, "is nowhere to ask"},
		"/licence":                       {func(d *schemas.Dataset) { d.Licence = "do what you like" }, "is not a licence's name"},
		"/space":                         {func(d *schemas.Dataset) { d.Space = "culture" }, "is not a data space; there are agriculture, energy, health, mobility"},
		"/countries/1":                   {func(d *schemas.Dataset) { d.Countries = []string{"FR", "XX"} }, "is not a country's code"},
		"/languages/0":                   {func(d *schemas.Dataset) { d.Languages = []string{"a language"} }, "is not a language tag"},
		"/visibility":                    {func(d *schemas.Dataset) { d.Visibility = "friends" }, "is not a visibility"},
		"/from":                          {func(d *schemas.Dataset) { d.From = "last year" }, "is not a day"},
		"/until":                         {func(d *schemas.Dataset) { d.From, d.Until = "2026-02", "2026-01" }, "the data ends (2026-01) before it begins (2026-02)"},
		"/periods/0":                     {func(d *schemas.Dataset) { d.Periods = []schemas.Days{{}} }, "a period has a first or a last day"},
		"/periods":                       {func(d *schemas.Dataset) { d.From, d.Periods = "2020", []schemas.Days{{From: "2024", Until: "2025"}} }, "are not those of the periods together"},
		"/links/0/url":                   {func(d *schemas.Dataset) { d.Links = []schemas.Link{{URL: "javascript:alert(1)"}} }, "is not a web address"},
		"/keywords/0":                    {func(d *schemas.Dataset) { d.Keywords = []string{"a\u202eb"} }, "control or direction characters"},
		"/tables/0/name":                 {func(d *schemas.Dataset) { d.Tables = []schemas.TableInfo{{Name: "My Table"}} }, "cannot name a table"},
		"/tables/1/name":                 {func(d *schemas.Dataset) { d.Tables = []schemas.TableInfo{{Name: "a"}, {Name: "a"}} }, `the table "a" is given twice`},
		"/tables/0/fields/0/name":        {func(d *schemas.Dataset) { d.Tables = columns("") }, "between 1 and 255 bytes"},
		"/tables/0/fields/1/name":        {func(d *schemas.Dataset) { d.Tables = columns("x", "x") }, `the column "x" is given twice`},
		"/tables/0/fields/0/type":        {func(d *schemas.Dataset) { d.Tables = columns("x"); d.Tables[0].Fields[0].Type = "number" }, "is not a type"},
		"/tables/0/fields/0/sensitivity": {func(d *schemas.Dataset) { d.Tables = columns("x"); d.Tables[0].Fields[0].Sensitivity = "very" }, "is not a sensitivity"},
		"/tables/0/fields/0/unit":        {func(d *schemas.Dataset) { d.Tables = columns("x"); d.Tables[0].Fields[0].Unit = "t/ha\x07" }, "control or direction characters"},
	} {
		d := wheat(x.change)
		err := c.check(&d)
		e, ok := errors.AsType[*schemas.Error](err)
		if !ok || e.Kind != schemas.Invalid || e.Remedy != "fix the fields named" {
			t.Errorf("%s: %v", pointer, err)
			continue
		}
		found := false
		for _, f := range e.Fields {
			found = found || f.Pointer == pointer && strings.Contains(f.Message, x.says)
		}
		if !found {
			t.Errorf("%s saying %q is not among %+v", pointer, x.says, e.Fields)
		}
	}
	d := schemas.Dataset{Languages: []string{"?"}, Visibility: "?", Tables: columns("")}
	e, _ := errors.AsType[*schemas.Error](c.check(&d))
	if e == nil || len(e.Fields) < 6 {
		t.Errorf("not all faults are named at once: %v", e)
	}
}

// columns describes one table with columns of these names.
func columns(names ...string) []schemas.TableInfo {
	t := schemas.TableInfo{Name: "a"}
	for _, n := range names {
		t.Fields = append(t.Fields, schemas.Field{Name: n})
	}
	return []schemas.TableInfo{t}
}

// TestProfiles: what a data space demands is missed by name.
func TestProfiles(t *testing.T) {
	spaces, err := spaces.Profiles()
	must(t, err)
	c := New(Config{Spaces: spaces})
	d := wheat(func(d *schemas.Dataset) {
		d.Licence, d.Countries, d.Notes = "", nil, []string{"dct:spatial: a box of coordinates, which names no country"}
	})
	e, _ := errors.AsType[*schemas.Error](c.check(&d))
	want := "/licence: missing: the agriculture space demands it\n/countries: missing: the agriculture space demands it; dct:spatial: a box of coordinates, which names no country; or say it beside the document: --country FR, ?country=FR\n"
	got := ""
	if e != nil {
		for _, f := range e.Fields {
			got += f.Pointer + ": " + f.Message + "\n"
		}
	}
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

// TestOneForm: texts come into one form: composed letters, names on one line, codes as
// filters ask for them; names of columns stay as the data has them.
func TestOneForm(t *testing.T) {
	spaces, err := spaces.Profiles()
	must(t, err)
	c := New(Config{Spaces: spaces})
	said := []string{"cafe\u0301", "two\nlines"}
	d := wheat(func(d *schemas.Dataset) {
		d.Title, d.Publisher, d.Keywords, d.Contact = schemas.Text{
			"fr": "Ble\u0301",
		}, " Institute\tof  wheat\n", said, "mailto:data@agronomy.example"
		d.Licence, d.Tables = "https://creativecommons.org/licenses/by/4.0/", columns("cafe\u0301")
		d.Periods = []schemas.Days{{From: "2024-03", Until: "2024-05"}, {From: "2022"}}
	})
	must(t, c.check(&d))
	if d.Title["fr"] != "Bl\u00e9" || d.Publisher != "Institute of wheat" || d.Keywords[0] != "caf\u00e9" || d.Keywords[1] != "two lines" ||
		d.Contact != "data@agronomy.example" ||
		d.Licence != "CC-BY-4.0" {
		t.Errorf("%+v", d)
	}
	if d.Tables[0].Fields[0].Name != "cafe\u0301" || said[0] != "cafe\u0301" {
		t.Error("a column's name, or the caller's own list, was changed")
	}
	if d.From != "2022" || d.Until != "" {
		t.Errorf("the periods together are from %q until %q", d.From, d.Until)
	}
}
