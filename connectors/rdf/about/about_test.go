package about

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// TestRead: what a person writes comes into one form, whatever its order, prefixes and names of
// blank nodes.
func TestRead(t *testing.T) {
	t.Parallel()
	const want = `<> a <https://x.example/Kind> ;
    dct:accrualPeriodicity <https://x.example/yearly> ;
    dct:creator <https://x.example/p>, <https://x.example/q> ;
    dcat:version "1.0"@en, "a \"b\"\n" ;
    dqv:hasQualityMeasurement [ dqv:isMeasurementOf <https://x.example/m> ;
        dqv:value "true"^^xsd:boolean, "1"^^xsd:integer ] ;
    <https://x.example/list> ( "b" [] "a" ) .
<https://x.example/p> a foaf:Person ;
    foaf:name "P" .
`
	for name, text := range map[string]string{
		"as it is": want,
		"otherwise": `@prefix e: <https://x.example/> . e:p foaf:name "P" . _:m dqv:value true, 1, 1 . e:p a foaf:Person .
			<> e:list ("b" _:nobody "a") ; dcat:version "1.0"@EN, """a "b"
""" ; dct:creator e:q , e:p; dqv:hasQualityMeasurement _:m ; dct:accrualPeriodicity e:yearly; a e:Kind . _:m dqv:isMeasurementOf e:m .`,
	} {
		got, err := Read(text, 4096)
		if err != nil || got.String() != want {
			t.Errorf("%s: %v\n%s", name, err, got.String())
		}
		d := schemas.Dataset{RDF: got.String(), Links: []schemas.Link{{RDF: "@base <https://x.example/,_;_.> .\n"}, {RDF: "<> dct:type \"[ , ; .\\\" ; ] .\" .\n"}}}
		shown := schemas.Dataset{RDF: schemas.Visible(d.RDF)}
		if n := Count(&d); n != 14 || Count(&shown) != 13 {
			t.Errorf("%s: %d and %d statements", name, n, Count(&shown))
		}
	}
	got, err := Read(" @base <https://x.example/d> . <> dct:type <https://x.example/t> .", 4096)
	if err != nil || got.String() != "@base <https://x.example/d> .\n<> dct:type <https://x.example/t> .\n" {
		t.Errorf("%v\n%s", err, got.String())
	}
	for _, nothing := range []string{"", "\n", "# nothing", "@base <https://x.example/d> ."} {
		if got, err := Read(nothing, 4096); err != nil || len(got.Said) != 0 {
			t.Errorf("%q: %v, %v", nothing, got, err)
		}
	}
}

// TestReadRefuses: nothing but what may be kept is taken, and the fault has its line.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, says string
		kind       schemas.Kind
	}{
		"no Turtle":       {"<> dct:type\n\n<a b> .", "line 3: this is not Turtle", schemas.Invalid},
		"another subject": {"<> dct:type <https://x.example/t> .\n<https://b.example/ds> dct:title \"x\" .", "to which nothing leads", schemas.Invalid},
		"of another": {"<> dct:relation <https://b.example/ds> . <https://b.example/ds> dct:license <https://x.example/free> .",
			"only what names it", schemas.Invalid},
		"a dataset":     {"<> dct:relation <https://b.example/ds> . <https://b.example/ds> a dcat:Dataset ; foaf:name \"B\" .", "only what names it", schemas.Invalid},
		"a class":       {"<> a dcat:Catalog .", "a class that is not kept", schemas.Invalid},
		"terms":         {"\n<> <http://www.w3.org/ns/odrl/2/hasPolicy> <https://x.example/p> .", "line 2: http://www.w3.org/ns/odrl/2/hasPolicy: not kept: terms", schemas.Invalid},
		"terms below":   {"<> adms:sample [ <http://www.w3.org/ns/odrl/2/hasPolicy> <https://x.example/p> ] .", "terms are put", schemas.Invalid},
		"a next page":   {"<> <http://www.w3.org/ns/hydra/core#next> <https://x.example/> .", "line 1: http://www.w3.org/ns/hydra/core#next: not kept: by it pages", schemas.Invalid},
		"a page below":  {"<> dct:relation [ <https://w3id.org/tree#node> <https://x.example/> ] .", "not kept: by it pages", schemas.Invalid},
		"an event":      {"<> a <https://www.w3.org/ns/activitystreams#Delete> .", "a class that is not kept", schemas.Invalid},
		"our own":       {"<> <urn:guichet:visibility> \"own\" .", "no property", schemas.Invalid},
		"our own value": {"<> dct:relation <urn:guichet:this> .", "no address", schemas.Invalid},
		"a short form":  {"<> <dct:title> \"x\" .", "no property", schemas.Invalid},
		"a short value": {"<> dct:relation <dct:title> .", "no address", schemas.Invalid},
		"relative":      {"<> dct:relation <a> .", "no address", schemas.Invalid},
		"itself":        {"<> dct:relation <> .", "leads to itself", schemas.Invalid},
		"no element":    {"<> <https://x.example/1> \"x\" .", "no property", schemas.Invalid},
		"a circle":      {"<> dct:relation _:a . _:a dct:relation _:a .", "leads to itself", schemas.Invalid},
		"deep":          {"<> dct:relation " + strings.Repeat("[ dct:relation ", 20) + "1" + strings.Repeat("]", 20) + " .", "16 levels", schemas.Invalid},
		"bells":         {`<> dct:type "\u0007" .`, "control characters", schemas.Invalid},
		"JSON":          {"<> dct:type \"{}\"^^rdf:JSON .", "datatype", schemas.Invalid},
		"its name":      {"@base <urn:guichet:x> .", "no name", schemas.Invalid},
		"long":          {"<> dct:type \"" + strings.Repeat("x", 5000) + "\" .", "at most 4096", schemas.TooLarge},
	} {
		_, err := Read(c.text, 4096)
		if schemas.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// TestReadUnrolls: a blank node that is referred to in many places is written in each, within
// bounds.
func TestReadUnrolls(t *testing.T) {
	t.Parallel()
	got, err := Read("<> dct:relation _:a ; dct:source _:a . _:a dct:type \"t\" .", 4096)
	if err != nil || strings.Count(got.String(), `[ dct:type "t" ]`) != 2 {
		t.Errorf("%v\n%s", err, got.String())
	}
	var b strings.Builder
	b.WriteString("<> dct:relation _:n0 .")
	for i := range 14 {
		for range 4 {
			b.WriteString(" _:n" + string(rune('0'+i)) + " <https://x.example/p" + strings.Repeat("p", b.Len()%4) + "> _:n" + string(rune('0'+i+1)) + " .")
		}
	}
	_, err = Read(b.String(), 1<<16)
	if err != nil && schemas.KindOf(err) != schemas.Invalid {
		t.Error(err)
	}
}

// TestFit: what is too long leaves out whole properties, and says which.
func TestFit(t *testing.T) {
	t.Parallel()
	got, err := Read("<> dct:abstract \""+strings.Repeat("x", 300)+"\" ; dct:creator <https://x.example/p> ; dct:type \"t\" . <https://x.example/p> foaf:name \"P\" .", 4096)
	if err != nil {
		t.Fatal(err)
	}
	_, left := got.Fit(200)
	if len(left) != 1 || Short(left[0]) != "dct:abstract" || len(got.String()) > 200 || len(got.Named) != 1 {
		t.Errorf("%v\n%s", left, got.String())
	}
	_, left = got.Fit(50)
	if len(left) != 1 || len(got.Named) != 0 || got.String() != "<> dct:type \"t\" .\n" {
		t.Errorf("%v\n%s", left, got.String())
	}
}

// FuzzRead: whatever is written is refused with a kind, or comes into a form that is read as itself.
func FuzzRead(f *testing.F) {
	f.Add("<> dct:type <https://x.example/t> ; dqv:value [ a skos:Concept ; skos:notation 1, \"a\"@de ] .")
	f.Add("@base <https://x.example/d> . <> dct:creator <https://x.example/p> . <https://x.example/p> foaf:name \"\\u00e9\\n\" .")
	f.Add("<> <https://x.example/l> (1 (2 [] ) _:a) . _:a dct:relation _:b . _:b dct:relation _:a .")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Read(s, 1<<12)
		if err != nil {
			if k := schemas.KindOf(err); k != schemas.Invalid && k != schemas.TooLarge {
				t.Fatal(err)
			}
			return
		}
		text := got.String()
		again, err := Read(text, 1<<16)
		if err != nil || again.String() != text {
			t.Errorf("%v\n%s\nbecomes\n%s", err, text, again.String())
		}
	})
}

// TestIsName: what a serialisation could take for a short form of another name, or for ours, is none.
func TestIsName(t *testing.T) {
	t.Parallel()
	for iri, want := range map[string]bool{
		"https://x.example/a": true, "urn:isbn:1": true, "mailto:a@x.example": true,
		"dct:title": false, "schema:name": false, "geo:1,2": false,
		"urn:guichet:visibility": false, "URN:Guichet:x": false, "a": false, "https:": false,
	} {
		if IsName(iri) != want {
			t.Errorf("%s: %v", iri, !want)
		}
	}
}

// TestUpdated: what the provider says, a newer version, else what was changed here; never what is to come.
func TestUpdated(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		when, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	here := at("2026-03-01T10:00:00Z")
	for name, c := range map[string]struct {
		d    schemas.Dataset
		want string
	}{
		"registered alone": {schemas.Dataset{Registered: here}, "2026-03-01T10:00:00Z"},
		"changed here":     {schemas.Dataset{Registered: here.AddDate(-1, 0, 0), Modified: here}, "2026-03-01T10:00:00Z"},
		"said":             {schemas.Dataset{Modified: here, RDF: `<> dct:modified "2015-03-12"^^xsd:date .` + "\n"}, "2015-03-12T00:00:00Z"},
		"said among others": {
			schemas.Dataset{Modified: here, RDF: "<> dct:issued \"2014-10-08\"^^xsd:date ;\n    dct:modified \"2015-03-12T10:00:00Z\"^^xsd:dateTime ;\n    dcat:version \"2\" .\n"},
			"2015-03-12T10:00:00Z",
		},
		"said twice": {
			schemas.Dataset{Modified: here, RDF: "<> dct:modified \"2015\"^^xsd:gYear, \"2016-02\"^^xsd:gYearMonth .\n"}, "2016-02-01T00:00:00Z",
		},
		"of something else": {
			schemas.Dataset{Modified: here, RDF: "<> dcat:qualifiedRelation [ a x:R ;\n        dct:modified \"2015\" ] .\n"}, "2026-03-01T10:00:00Z",
		},
		"no time":  {schemas.Dataset{Modified: here, RDF: `<> dct:modified "lately" .`}, "2026-03-01T10:00:00Z"},
		"no value": {schemas.Dataset{Modified: here, RDF: `<> dct:modified <https://x.example/now> .`}, "2026-03-01T10:00:00Z"},
		"to come":  {schemas.Dataset{Modified: here, RDF: `<> dct:modified "2999"^^xsd:gYear .`}, "2026-03-01T10:00:00Z"},
		"published since": {
			schemas.Dataset{Modified: here, RDF: `<> dct:modified "2015"^^xsd:gYear .`, Latest: &schemas.VersionSummary{Published: here.Add(time.Hour)}},
			"2026-03-01T11:00:00Z",
		},
	} {
		if got := Updated(&c.d).Format(time.RFC3339); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestParts: what has a name and is a part of a dataset is kept in its place; a text that names it
// alone, as texts of before do, stays as it is.
func TestParts(t *testing.T) {
	t.Parallel()
	p := Prefixes()
	for name, c := range map[string]struct {
		property, class, says string
		part                  bool
	}{
		"a sum": {
			property: p["spdx"] + "checksum",
			class:    p["spdx"] + "Checksum",
			says:     p["spdx"] + "checksumValue",
			part:     true,
		},
		"a measurement": {
			property: p["dqv"] + "hasQualityMeasurement",
			class:    p["dqv"] + "QualityMeasurement",
			says:     p["dqv"] + "value",
			part:     true,
		},
		"a feature": {
			property: nsIT6 + "hasFeature",
			class:    nsIT6 + "Feature",
			says:     nsDCT + "title",
			part:     true,
		},
		"a sum without a value": {
			property: p["spdx"] + "checksum",
			class:    p["spdx"] + "Checksum",
			says:     p["rdfs"] + "label",
		},
		"something else": {
			property: nsDCT + "relation",
			class:    p["spdx"] + "Checksum",
			says:     p["spdx"] + "checksumValue",
		},
	} {
		const iri = "https://x.example/part"
		n := rdf.Node{"@id": iri, "@type": []any{c.class}, c.says: []any{rdf.Node{"@value": "v"}}}
		lost := ""
		g := Gatherer{Follow: func(v rdf.Node) rdf.Node { return v }, Lost: func(_, format string, a ...any) { lost += fmt.Sprintf(format, a...) }}
		g.Add(c.property, []rdf.Node{n})
		text := g.Text()
		got := text.String()
		if strings.Contains(got, "["+" a") != c.part || strings.Contains(got, iri) == c.part || strings.Contains(lost, "without its name") != c.part {
			t.Errorf("%s: %s\n%s", name, got, lost)
		}
		again, err := Read(got, 1<<16)
		if err != nil || again.String() != got {
			t.Errorf("%s: %v\n%s", name, err, again.String())
		}
	}
}

// TestAccessRight: what the EU's table has, of the thing itself alone.
func TestAccessRight(t *testing.T) {
	t.Parallel()
	const table = "publications.europa.eu/resource/authority/access-right/"
	for text, want := range map[string]string{
		"": "",
		"<> dct:accessRights <http://" + table + "NON_PUBLIC> .\n":                             "NON_PUBLIC",
		"<> dct:accessRights <https://" + table + "RESTRICTED>, <https://x.example/r> .\n":     "RESTRICTED",
		"<> a <https://x.example/T> ;\n    dct:accessRights <http://" + table + "PUBLIC> .\n":  "PUBLIC",
		"<> dct:accessRights <https://x.example/own> .\n":                                      "",
		"<> dct:accessRights [ a dct:RightsStatement ;\n        rdfs:label \"none\" ] .\n":     "",
		"<> dcat:x [ a x:Y ;\n        dct:accessRights <http://" + table + "NON_PUBLIC> ] .\n": "",
	} {
		if got := AccessRight(&schemas.Dataset{RDF: text}); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if RightInWords("PUBLIC") != "" || RightInWords("") != "" || !strings.Contains(RightInWords("NON_PUBLIC"), "not public") {
		t.Error("access rights in words")
	}
}
