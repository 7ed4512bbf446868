package shacl

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// prologue declares what the small documents of these tests use.
const prologue = `
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix dcat: <http://www.w3.org/ns/dcat#> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix ex: <https://x.example/> .
`

func turtle(t testing.TB, text string) []rdf.Node {
	t.Helper()
	doc, err := rdf.Parse(rdf.Turtle, []byte(prologue+text), rdf.Options{Limits: limits()})
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return doc.Nodes
}

func compiled(t testing.TB, text string) *Shapes {
	t.Helper()
	s, err := Compile(Source{Name: "shapes.ttl", Nodes: turtle(t, text)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// said are the words of the findings about a graph whose subject is ex:d.
func said(r Report) []string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, f.Words)
	}
	return out
}

// A case is one shape of datasets: what ex:d says, and what is found.
type constraint struct {
	shape string // after sh:path dct:p
	data  string // after ex:d a dcat:Dataset
	want  []string
}

// Each constraint of SHACL Core says in words what is wrong.
func TestConstraints(t *testing.T) {
	t.Parallel()
	for _, c := range []constraint{
		{
			`sh:minCount 1`,
			`; dct:p 1`,
			nil,
		}, {
			`sh:minCount 1`,
			``,
			[]string{"dct:p is missing"},
		}, {
			`sh:minCount 1 ; sh:class foaf:Agent`,
			``,
			[]string{"dct:p is missing: a foaf:Agent is wanted"},
		}, {
			`sh:minCount 1 ; sh:datatype xsd:date`,
			``,
			[]string{"dct:p is missing: a value of xsd:date is wanted"},
		}, {
			`sh:minCount 1 ; sh:nodeKind sh:IRI`,
			``,
			[]string{"dct:p is missing: an IRI is wanted"},
		}, {
			`sh:minCount 3`,
			`; dct:p 1`,
			[]string{"dct:p has 1 value, at least 3 are wanted"},
		}, {
			`sh:maxCount 1`,
			`; dct:p 1, 2`,
			[]string{"dct:p has 2 values, at most 1"},
		}, {
			`sh:maxCount 0`,
			`; dct:p 1`,
			[]string{"dct:p is said, which may not be"},
		}, {
			`sh:nodeKind sh:IRI`,
			`; dct:p "t", [], ex:i`,
			[]string{`dct:p is the text "t"; an IRI is wanted`, "dct:p is a node without an IRI; an IRI is wanted"},
		}, {
			`sh:nodeKind sh:Literal`,
			`; dct:p "t", ex:i`,
			[]string{"dct:p is <https://x.example/i>; a text, number or date is wanted"},
		}, {
			`sh:nodeKind sh:BlankNodeOrIRI`,
			`; dct:p [], ex:i`,
			nil,
		}, {
			`sh:nodeKind sh:BlankNode`,
			`; dct:p ex:i, "t", []`,
			[]string{"dct:p is <https://x.example/i>; a node without an IRI is wanted", `dct:p is the text "t"; a node without an IRI is wanted`},
		}, {
			`sh:datatype xsd:date`,
			`; dct:p "2024-02-30"^^xsd:date, "2024-02-29"^^xsd:date, "2024-02-28Z"^^xsd:date, "2024", ex:i`,
			[]string{
				`dct:p is "2024-02-30", which is no xsd:date`,
				`dct:p is "2024" of the type xsd:string; xsd:date is wanted`,
				"dct:p is <https://x.example/i>; a value of xsd:date is wanted",
			},
		}, {
			`sh:class foaf:Agent`,
			`; dct:p ex:a, ex:b, "c" . ex:a a foaf:Agent`,
			[]string{
				"dct:p is <https://x.example/b>, which is not said to be a foaf:Agent (rdf:type)",
				`dct:p is the text "c"; a foaf:Agent is wanted`,
			},
		}, {
			`sh:class foaf:Agent`,
			`; dct:p ex:a . ex:a a ex:Office . ex:Office rdfs:subClassOf ex:Body . ex:Body rdfs:subClassOf foaf:Agent, ex:Office`,
			nil,
		}, {
			`sh:hasValue ex:v`,
			`; dct:p ex:w`,
			[]string{"dct:p is not <https://x.example/v>"},
		}, {
			`sh:hasValue true`,
			`; dct:p true`,
			nil,
		}, {
			`sh:in ( ex:v "w" )`,
			`; dct:p "w", "v"`,
			[]string{`dct:p is "v", none of <https://x.example/v>, "w"`},
		}, {
			`sh:languageIn ( "en" "pt-BR" )`,
			`; dct:p "a"@en, "b"@en-GB, "c"@pt, "d"`,
			[]string{
				`dct:p is "c" in "pt", none of the languages en pt-br`,
				`dct:p is "d" without its language; a language tag is wanted, such as en`,
			},
		}, {
			`sh:uniqueLang true`,
			`; dct:p "a"@en, "b"@en, "c"@en, "d"@fr, "e", "f"`,
			[]string{`dct:p has several values in "en"; one for each language`},
		}, {
			`sh:uniqueLang false`,
			`; dct:p "a"@en, "b"@en`,
			nil,
		}, {
			`sh:pattern "^A" ; sh:flags "i"`,
			`; dct:p "abc", "bcd", []`,
			[]string{
				`dct:p is the text "bcd", which is not of the form ^A`,
				"dct:p is a node without an IRI, which is not of the form ^A",
			},
		}, {
			`sh:minLength 2 ; sh:maxLength 3`,
			`; dct:p "é", "éé", "éééé", []`,
			[]string{
				`dct:p is "éééé", longer than 3 characters`,
				"dct:p is a node without an IRI, which has no length",
				`dct:p is "é", shorter than 2 characters`,
			},
		}, {
			`sh:minInclusive 0 ; sh:maxExclusive 10`,
			`; dct:p 0, -1, 10, 9.99, "x"`,
			[]string{
				`dct:p is the text "10", not below 10`,
				`dct:p is the text "x", not below 10`,
				`dct:p is the text "-1", below 0`,
				`dct:p is the text "x", below 0`,
			},
		}, {
			`sh:minExclusive "2020-01-01"^^xsd:date ; sh:maxInclusive "2021-01-01"^^xsd:date`,
			`; dct:p "2020-01-01"^^xsd:date, "2021-01-01"^^xsd:date, ex:i`,
			[]string{
				`dct:p is <https://x.example/i>, above 2021-01-01`,
				`dct:p is the text "2020-01-01", not above 2020-01-01`,
				`dct:p is <https://x.example/i>, not above 2020-01-01`,
			},
		}, {
			`sh:node ex:Agent`,
			`; dct:p ex:a, ex:b . ex:a foaf:name "A"`,
			[]string{"dct:p: foaf:name is missing"},
		}, {
			`sh:not ex:Agent`,
			`; dct:p ex:a, ex:b . ex:a foaf:name "A"`,
			[]string{"dct:p is what it may not be"},
		}, {
			`sh:or ( ex:Agent [ sh:nodeKind sh:Literal ] )`,
			`; dct:p ex:a, ex:b, "c" . ex:a foaf:name "A"`,
			[]string{"dct:p: foaf:name is missing; or it is <https://x.example/b>; a text, number or date is wanted"},
		}, {
			`sh:and ( ex:Agent [ sh:nodeKind sh:IRI ] )`,
			`; dct:p ex:a, [] . ex:a foaf:name "A"`,
			[]string{"dct:p: foaf:name is missing; it is a node without an IRI; an IRI is wanted"},
		}, {
			`sh:xone ( ex:Agent [ sh:nodeKind sh:IRI ] )`,
			`; dct:p ex:a, ex:b . ex:a foaf:name "A"`,
			[]string{"dct:p is of several kinds of which it may be one"},
		}, {
			`sh:qualifiedValueShape ex:Agent ; sh:qualifiedMinCount 1`,
			`; dct:p ex:b`,
			[]string{"dct:p has 0 values of the kind wanted, at least 1"},
		}, {
			`sh:qualifiedValueShape ex:Agent ; sh:qualifiedMaxCount 1`,
			`; dct:p ex:a, ex:c, ex:b . ex:a foaf:name "A" . ex:c foaf:name "C"`,
			[]string{"dct:p has 2 values of the kind wanted, at most 1"},
		}, {
			`sh:property [ sh:path foaf:name ; sh:minCount 1 ]`,
			`; dct:p ex:a, ex:b . ex:a a foaf:Agent . ex:b foaf:name "B"`,
			[]string{"foaf:name of the foaf:Agent <https://x.example/a> is missing"},
		}, {
			`sh:property [ sh:path foaf:name ; sh:minCount 1 ]`,
			`; dct:p [ a foaf:Agent ]`,
			[]string{"foaf:name of the foaf:Agent is missing"},
		}, {
			`sh:minCount 1 ; sh:deactivated true`,
			``,
			nil,
		},
	} {
		s := compiled(t, `ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property [ sh:path dct:p ; `+c.shape+` ] .
			ex:Agent a sh:NodeShape ; sh:property [ sh:path foaf:name ; sh:minCount 1 ] .`)
		r := s.Check(NewGraph(turtle(t, "ex:d a dcat:Dataset "+c.data+" .")), Checked{Root: "https://x.example/d"})
		if got := said(r); !slices.Equal(got, c.want) {
			t.Errorf("%s\n%s\n got %q\nwant %q", c.shape, c.data, got, c.want)
		}
		if r.Conforms(Violation) != (len(c.want) == 0) || r.Focus != 1 {
			t.Errorf("%s: conforms %v, %d nodes", c.shape, r.Conforms(Violation), r.Focus)
		}
	}
}

// A literal's text is of its type, for the types that descriptions use.
func TestLexical(t *testing.T) {
	t.Parallel()
	for datatype, texts := range map[string][2][]string{
		"boolean":            {{"true", "false", "0", "1"}, {"True", "yes", ""}},
		"integer":            {{"1", "-1", "+1", "007"}, {"", "1.0", "one", "1e3"}},
		"nonNegativeInteger": {{"0", "-0", "12"}, {"-1", "", "1.5"}},
		"positiveInteger":    {{"1", "+2"}, {"0", "-1", "+0"}},
		"decimal":            {{"1", "-1.5", ".5", "1."}, {"1e3", "", "."}},
		"double":             {{"1", "1e3", "-1.5E-3", "INF", "-INF", "NaN"}, {"", "x"}},
		"date":               {{"2024-02-29", "2024-02-29Z", "2024-02-29+01:00"}, {"2023-02-29", "2024", "2024-2-9", "29.02.2024"}},
		"dateTime":           {{"2024-02-29T10:00:00", "2024-02-29T10:00:00.5Z"}, {"2024-02-29", "2024-02-29 10:00:00", "20240229T1000Z"}},
		"gYear":              {{"2024", "2024Z"}, {"24", "2024-01"}},
		"gYearMonth":         {{"2024-01"}, {"2024", "2024-13"}},
		"duration":           {{"P1Y", "P1M2D", "PT15M", "-P1D", "PT0.5S"}, {"P", "PT", "1Y", "P1", "P1YT"}},
		"anyURI":             {{"anything"}, nil},
	} {
		for i, good := range []bool{true, false} {
			for _, text := range texts[i] {
				if lexical(term{isLiteral, text, nsXSD + datatype, ""}) != good {
					t.Errorf("%q as %s: not %v", text, datatype, good)
				}
			}
		}
	}
}

// Paths lead where they say.
func TestPaths(t *testing.T) {
	t.Parallel()
	data := `ex:d a dcat:Dataset ; ex:a ex:1, ex:2 ; ex:b ex:3 .
		ex:1 ex:a ex:4 . ex:2 ex:a ex:4 . ex:4 ex:a ex:5 . ex:5 ex:a ex:d .
		ex:c dcat:dataset ex:d . ex:e dcat:dataset ex:d .`
	for path, want := range map[string]int{
		"ex:a":                                                 2,
		"ex:none":                                              0,
		"( ex:a ex:a )":                                        1,
		"( ex:a ex:a ex:a )":                                   1,
		"[ sh:inversePath dcat:dataset ]":                      2,
		"[ sh:alternativePath ( ex:a ex:b ) ]":                 3,
		"[ sh:oneOrMorePath ex:a ]":                            5,
		"[ sh:zeroOrMorePath ex:a ]":                           5,
		"[ sh:zeroOrOnePath ex:a ]":                            3,
		"( [ sh:alternativePath ( ex:a ex:b ) ] ex:a )":        1,
		"[ sh:inversePath dcat:none ]":                         0,
		"( [ sh:inversePath dcat:dataset ] dcat:dataset )":     1,
		"[ sh:alternativePath ( [ sh:zeroOrOnePath ex:b ] ) ]": 2,
	} {
		s := compiled(t, fmt.Sprintf("ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property [ sh:path %s ; sh:maxCount 0 ] .", path))
		r := s.Check(NewGraph(turtle(t, data)), Checked{Root: "https://x.example/d"})
		if (len(r.Findings) > 0) != (want > 0) {
			t.Errorf("%s: %q", path, said(r))
		}
		s = compiled(t, fmt.Sprintf("ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property [ sh:path %s ; sh:minCount %d ; sh:maxCount %d ] .",
			path, want, want))
		r = s.Check(NewGraph(turtle(t, data)), Checked{Root: "https://x.example/d"})
		if want > 0 && len(r.Findings) > 0 {
			t.Errorf("%s: not %d values: %q", path, want, said(r))
		}
	}
}

// Shapes find their nodes by class, by name and by property; a shape that is a class
// is for its instances.
func TestTargets(t *testing.T) {
	t.Parallel()
	data := `ex:d a dcat:Dataset ; dct:publisher ex:a . ex:e a dcat:Dataset ; dct:publisher ex:a, [ foaf:name "B" ] . ex:f a ex:Class .`
	for target, want := range map[string]int{
		"sh:targetClass dcat:Dataset":                                2,
		"sh:targetClass ex:None":                                     0,
		"sh:targetNode ex:d":                                         1,
		"sh:targetNode ex:nowhere":                                   1,
		"sh:targetSubjectsOf dct:publisher":                          2,
		"sh:targetObjectsOf dct:publisher":                           2,
		"sh:targetClass dcat:Dataset, ex:Class ; sh:targetNode ex:d": 3,
	} {
		s := compiled(t, "ex:s a sh:NodeShape ; "+target+" ; sh:property [ sh:path ex:never ; sh:minCount 1 ] .")
		r := s.Check(NewGraph(turtle(t, data)), Checked{})
		if len(r.Findings) != want || r.Focus != want {
			t.Errorf("%s: %d nodes, %d findings, want %d", target, r.Focus, len(r.Findings), want)
		}
		r = s.Check(NewGraph(turtle(t, data)), Checked{Focus: func(id string) bool { return id == "https://x.example/d" }})
		if r.Focus > 1 {
			t.Errorf("%s: %d nodes, though one is wanted", target, r.Focus)
		}
	}
	s := compiled(t, "ex:Class a rdfs:Class, sh:NodeShape ; sh:property [ sh:path ex:never ; sh:minCount 1 ] .")
	if r := s.Check(NewGraph(turtle(t, data)), Checked{}); r.Focus != 1 {
		t.Errorf("a shape that is a class: %d nodes", r.Focus)
	}
}

// Official files hold property shapes without a path: they are about the node itself, and speak by
// their own words.
func TestPathless(t *testing.T) {
	t.Parallel()
	s := compiled(t, `ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property [
		sh:or ( [ sh:property [ sh:path ex:structured ; sh:hasValue false ] ] [ sh:property [ sh:path ex:variables ; sh:minCount 1 ] ] ) ;
		sh:message "say its variables"@en, "dis ses variables"@fr ] .`)
	for data, want := range map[string][]string{
		"ex:d a dcat:Dataset ; ex:structured false .":                  nil,
		"ex:d a dcat:Dataset ; ex:structured true ; ex:variables [] .": nil,
		"ex:d a dcat:Dataset ; ex:structured true .":                   {"say its variables"},
		"ex:other a dcat:Dataset .":                                    {"say its variables (the dcat:Dataset <https://x.example/other>)"},
	} {
		if got := said(s.Check(NewGraph(turtle(t, data)), Checked{Root: "https://x.example/d"})); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", data, got, want)
		}
	}
}

// A closed shape names what it does not know.
func TestClosed(t *testing.T) {
	t.Parallel()
	s := compiled(t, `ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:closed true ; sh:ignoredProperties ( <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> ) ;
		sh:property [ sh:path dct:title ] .
		ex:open a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:closed false .`)
	r := s.Check(NewGraph(turtle(t, `ex:d a dcat:Dataset ; dct:title "t" ; dct:odd 1, 2 ; ex:even 3 .`)), Checked{Root: "https://x.example/d"})
	want := []string{"it says dct:odd, which is not known there", "it says <https://x.example/even>, which is not known there"}
	if got := said(r); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// What a vocabulary knows of a concept is as if the graph said it; nothing is checked about
// the concept itself.
func TestVocabulary(t *testing.T) {
	t.Parallel()
	s := compiled(t, `ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property [ sh:path dcat:theme ; sh:node ex:Theme ; sh:class skos:Concept ] .
		ex:Theme a sh:NodeShape ; sh:property [ sh:path skos:inScheme ; sh:hasValue ex:themes ] .
		ex:Concept a sh:NodeShape ; sh:targetClass skos:Concept ; sh:property [ sh:path skos:prefLabel ; sh:minCount 1 ] .`)
	v := Vocabulary{}
	for _, n := range turtle(t, `ex:wind a skos:Concept ; skos:inScheme ex:themes ; skos:prefLabel "Wind" . ex:bare a skos:Concept ; skos:inScheme ex:themes .`) {
		v[rdf.ID(n)] = n
	}
	for data, want := range map[string][]string{
		"ex:d a dcat:Dataset ; dcat:theme ex:wind .":                          nil,
		"ex:d a dcat:Dataset ; dcat:theme ex:wind . ex:wind a skos:Concept .": nil,
		"ex:d a dcat:Dataset ; dcat:theme ex:bare .":                          nil,
		"ex:d a dcat:Dataset ; dcat:theme ex:sun .": {
			"dcat:theme is <https://x.example/sun>, which is not said to be a skos:Concept (rdf:type)",
			"dcat:theme: <https://x.example/sun> is not of the vocabulary https://x.example/themes",
		},
		"ex:d a dcat:Dataset . ex:new a skos:Concept .": {"skos:prefLabel of the skos:Concept <https://x.example/new> is missing"},
	} {
		r := s.Check(NewGraph(turtle(t, data)), Checked{Root: "https://x.example/d", Vocabulary: v})
		if got := said(r); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", data, got, want)
		}
	}
}

// Violations come first; a file of recommendations gives warnings whatever its shapes say.
func TestSeverity(t *testing.T) {
	t.Parallel()
	shapes := `ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property
		[ sh:path ex:i ; sh:minCount 1 ; sh:severity sh:Info ] , [ sh:path ex:w ; sh:minCount 1 ; sh:severity sh:Warning ] ,
		[ sh:path ex:v ; sh:minCount 1 ] .`
	g := NewGraph(turtle(t, "ex:d a dcat:Dataset ."))
	var got []string
	r := compiled(t, shapes).Check(g, Checked{})
	for _, f := range r.Findings {
		got = append(got, f.Severity.String())
	}
	if !slices.Equal(got, []string{"Violation", "Warning", "Info"}) || r.Conforms(Violation) {
		t.Errorf("%q", got)
	}
	mild, err := Compile(Source{Name: "recommended.ttl", Nodes: turtle(t, shapes), Severity: Warning})
	if err != nil {
		t.Fatal(err)
	}
	r = mild.Check(g, Checked{})
	if !r.Conforms(Violation) || r.Conforms(Warning) || len(r.Findings) != 3 {
		t.Errorf("%+v", r)
	}
}

// Shapes that say what is not checked are refused, each by its name; so are broken ones.
func TestRefused(t *testing.T) {
	t.Parallel()
	for shape, want := range map[string]string{
		`sh:sparql [ sh:select "SELECT" ]`:                 "sh:sparql is not checked here",
		`sh:rule []`:                                       "sh:rule is not checked here",
		`sh:property [ sh:path dct:p ; sh:lessThan ex:q ]`: "sh:lessThan is not checked here",
		`sh:property [ sh:path dct:p ; sh:minCount "x" ]`:  `sh:minCount wants a number, not "x"`,
		`sh:property [ sh:path dct:p ; sh:pattern "[" ]`:   `sh:pattern "["`,
		`sh:property [ sh:path dct:p ; sh:in ex:list ]`:    "sh:in wants a list",
		`sh:property [ sh:path [ ex:odd ex:p ] ]`:          "sh:path is none that is known here",
		`sh:property [ sh:path ` + strings.Repeat("[ sh:inversePath ", 20) + "ex:p" + strings.Repeat(" ]", 20) + ` ]`: "nests deeper",
	} {
		_, err := Compile(Source{Name: "mine.ttl", Nodes: turtle(t, "ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; "+shape+" .")})
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "mine.ttl") {
			t.Errorf("%s: %v, want %q", shape, err, want)
		}
	}
}

// A finding says where: its node, its property with a prefix where that is known, the
// constraint and the value.
func TestFindings(t *testing.T) {
	t.Parallel()
	s := compiled(t, `ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property
		[ sh:path dct:publisher ; sh:nodeKind sh:IRI ; sh:severity sh:Warning ] , [ sh:path ex:own ; sh:maxLength 1 ] .`)
	r := s.Check(NewGraph(turtle(t, `ex:d a dcat:Dataset ; dct:publisher "P" ; ex:own "long" .`)), Checked{})
	want := []Finding{
		{
			Focus: "https://x.example/d", Path: "<https://x.example/own>", Component: "maxLength", Value: "long", Severity: Violation,
			Words: `<https://x.example/own> of the dcat:Dataset <https://x.example/d> is "long", longer than 1 characters`,
		},
		{
			Focus: "https://x.example/d", Path: "dct:publisher", Component: "nodeKind", Value: "P", Severity: Warning,
			Words: `dct:publisher of the dcat:Dataset <https://x.example/d> is the text "P"; an IRI is wanted`,
		},
	}
	if !slices.Equal(r.Findings, want) {
		t.Errorf("%+v", r.Findings)
	}
}

// IRIs are written as people know them.
func TestCompact(t *testing.T) {
	t.Parallel()
	for iri, want := range map[string]string{
		"http://purl.org/dc/terms/title":                    "dct:title",
		"http://www.w3.org/ns/dcat#Dataset":                 "dcat:Dataset",
		"https://w3id.org/mobilitydcat-ap#mobilityTheme":    "mobilitydcatap:mobilityTheme",
		"http://healthdataportal.eu/ns/health#hdab":         "healthdcatap:hdab",
		"http://data.europa.eu/r5r/applicableLegislation":   "dcatap:applicableLegislation",
		"http://purl.org/dc/terms/":                         "<http://purl.org/dc/terms/>",
		"http://purl.org/dc/terms/a/b":                      "<http://purl.org/dc/terms/a/b>",
		"https://x.example/" + strings.Repeat("long/", 100): "<https://x.example/" + strings.Repeat("long/", 20) + "lo…>",
	} {
		if got := compact(iri); got != want {
			t.Errorf("%s is %s, want %s", iri, got, want)
		}
	}
}

// Equal graphs give equal findings, in the same order.
func TestSameOrder(t *testing.T) {
	t.Parallel()
	s := compiled(t, `ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property
		[ sh:path ex:a ; sh:minCount 1 ] , [ sh:path ex:b ; sh:minCount 1 ] , [ sh:path ex:c ; sh:minCount 1 ; sh:nodeKind sh:IRI ] .`)
	var first []string
	for range 20 {
		got := said(s.Check(NewGraph(turtle(t, "ex:d a dcat:Dataset . ex:e a dcat:Dataset .")), Checked{}))
		if first == nil {
			first = got
		}
		if !slices.Equal(got, first) || len(got) != 6 {
			t.Fatalf("%q, before %q", got, first)
		}
	}
}

// What one shape says twice is told once.
func TestToldOnce(t *testing.T) {
	t.Parallel()
	shapes := `ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property [ sh:path ex:a ; sh:minCount 1 ] , [ sh:path ex:a ; sh:minCount 1 ] .`
	s, err := Compile(Source{Name: "a.ttl", Nodes: turtle(t, shapes)}, Source{Name: "b.ttl", Nodes: turtle(t, shapes)})
	if err != nil {
		t.Fatal(err)
	}
	if r := s.Check(NewGraph(turtle(t, "ex:d a dcat:Dataset .")), Checked{}); len(r.Findings) != 1 {
		t.Errorf("%q", said(r))
	}
}
