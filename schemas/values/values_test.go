package values

import (
	"strings"
	"testing"

	"guichet/schemas"
)

// version is one with two tables.
func version() *schemas.Version {
	columns := func(names ...string) (out []schemas.TableColumn) {
		for _, n := range names {
			out = append(out, schemas.TableColumn{Name: n})
		}
		return out
	}
	return &schemas.Version{Data: []schemas.Table{
		{Name: "plots", Columns: columns("yield", "geo", "Sown.Day", "farmer")},
		{Name: "weather", Columns: columns("rain", "day")},
	}}
}

// described says of a table which columns are about persons.
func described(table string, sensitive ...string) []schemas.TableInfo {
	t := schemas.TableInfo{Name: table, Fields: []schemas.Field{{Name: "yield"}}}
	for _, name := range sensitive {
		t.Fields = append(t.Fields, schemas.Field{Name: name, Sensitivity: schemas.SensitivitySensitive})
	}
	return []schemas.TableInfo{t}
}

// offer is terms with rules of one duty each.
func offer(duties ...schemas.Duty) *schemas.Offer {
	o := &schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission}}}
	for _, d := range duties {
		o.Rules = append(o.Rules, schemas.Rule{Kind: schemas.Permission, Duties: []schemas.Duty{d}})
	}
	return o
}

// What is kept from anybody is told to nobody, whatever else is said.
func TestWithholds(t *testing.T) {
	t.Parallel()
	hide := func(table string, names ...string) schemas.Duty {
		return schemas.Duty{Kind: schemas.DutyHide, Table: table, Columns: names}
	}
	for name, x := range map[string]struct {
		d             schemas.Dataset
		table, column string
		want          Why
	}{
		"open": {
			schemas.Dataset{Offer: offer()}, "plots", "yield", "",
		},
		"no terms": {
			schemas.Dataset{}, "plots", "yield", LeftNoTerms,
		},
		"terms without rules": {
			schemas.Dataset{Offer: &schemas.Offer{}}, "plots", "yield", LeftNoTerms,
		},
		"about persons": {
			schemas.Dataset{Tables: described("plots", "FARMER"), Offer: offer()}, "plots", "farmer", LeftSensitive,
		},
		"beside what is about persons": {
			schemas.Dataset{Tables: described("plots", "farmer"), Offer: offer()}, "plots", "yield", "",
		},
		"about persons without terms": {
			schemas.Dataset{Tables: described("plots", "farmer")}, "plots", "farmer", LeftSensitive,
		},
		"a part is about persons": {
			schemas.Dataset{Tables: described("plots", "geo.lat"), Offer: offer()}, "plots", "geo", LeftSensitive,
		},
		"a mistyped name": {
			schemas.Dataset{Tables: described("plots", "farmers"), Offer: offer()}, "plots", "yield", LeftUnclear,
		},
		"a mistyped name in another table": {
			schemas.Dataset{Tables: append(described("plots"), described("weather", "farmers")...), Offer: offer()}, "plots", "yield", "",
		},
		"a mistyped table": {
			schemas.Dataset{Tables: described("plot", "farmer"), Offer: offer()}, "plots", "yield", LeftUnclear,
		},
		"a table that is described beside one that is not there": {
			schemas.Dataset{Tables: append(described("plots"), described("old", "farmer")...), Offer: offer()}, "plots", "yield", "",
		},
		"hidden": {
			schemas.Dataset{Offer: offer(hide("", "yield"))}, "plots", "yield", LeftHidden,
		},
		"hidden with accents": {
			schemas.Dataset{Offer: offer(hide("", "Yíeld"))}, "plots", "yield", LeftHidden,
		},
		"another is hidden": {
			schemas.Dataset{Offer: offer(hide("", "rain"))}, "plots", "yield", "",
		},
		"hidden in another table": {
			schemas.Dataset{Offer: offer(hide("weather", "day"))}, "plots", "Sown.Day", "",
		},
		"the whole of a part": {
			schemas.Dataset{Offer: offer(hide("plots", "sown"))}, "plots", "Sown.Day", LeftHidden,
		},
		"a duty on what is not there": {
			schemas.Dataset{Offer: offer(hide("", "yeild"))}, "weather", "rain", LeftUnclear,
		},
		"a duty on a table that is not there": {
			schemas.Dataset{Offer: offer(hide("plot", "yield"))}, "weather", "rain", LeftUnclear,
		},
		"the surer word": {
			schemas.Dataset{Offer: offer(hide("", "yeild"), hide("", "yield"))}, "plots", "yield", LeftHidden,
		},
		"changed": {
			schemas.Dataset{Offer: offer(schemas.Duty{Kind: schemas.DutyGeneralise, Columns: []string{"yield"}})}, "plots", "yield", LeftChanged,
		},
		"pseudonymised": {
			schemas.Dataset{Offer: offer(schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"farmer"}})}, "plots", "farmer", LeftChanged,
		},
		"rows are filtered": {
			schemas.Dataset{Offer: offer(schemas.Duty{Kind: schemas.DutyFilter, Table: "plots"})}, "plots", "yield", LeftFiltered,
		},
		"rows of another table are": {
			schemas.Dataset{Offer: offer(schemas.Duty{Kind: schemas.DutyFilter, Table: "plots"})}, "weather", "rain", "",
		},
		"a duty that is not known": {
			schemas.Dataset{Offer: offer(schemas.Duty{Kind: "suppress"})}, "weather", "rain", LeftUnclear,
		},
		"a budget": {
			schemas.Dataset{Offer: offer(schemas.Duty{Kind: schemas.DutyBudget}, schemas.Duty{Kind: schemas.DutyFactory}, schemas.Duty{Kind: schemas.DutyAttribute})},
			"plots", "yield", "",
		},
	} {
		if got := Withholds(&x.d, version(), x.table, x.column); got != x.want {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
}

// Every reason has words.
func TestWords(t *testing.T) {
	t.Parallel()
	for _, w := range []Why{LeftSensitive, LeftHidden, LeftChanged, LeftFiltered, LeftUnclear, LeftNoTerms, LeftType, LeftFew, LeftVarious, LeftMany} {
		if w.Words() == "" || strings.HasSuffix(w.Words(), ".") {
			t.Errorf("%s: %q", w, w.Words())
		}
	}
	for asked, want := range map[string]bool{"*": true, "plots/*": true, "plots/yield": true, "plots/rain": false, "weather/*": false, "": false} {
		if Consents([]string{asked}, "plots", "yield") != want {
			t.Errorf("%q consents: %t", asked, !want)
		}
	}
}
