package profile

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"guichet/connectors/dcatap"
	"guichet/connectors/rdf"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

func checker(t testing.TB) *Checker {
	t.Helper()
	set, err := spaces.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wind is a dataset that lacks nothing of DCAT-AP.
func wind(space schemas.SpaceID) schemas.Dataset {
	return schemas.Dataset{
		ID: "ds-1", Space: space, Title: schemas.Text{"en": "Wind"}, Description: schemas.Text{"en": "Speeds"}, Licence: "CC-BY-4.0",
		Countries: []string{"FR"}, Keywords: []string{"gusts"}, Contact: "ask@wind.example", Publisher: "Wind Office", Themes: []string{"ENER"},
		From: "2020", Links: []schemas.Link{{URL: "https://wind.example/a.csv", Format: "CSV"}},
		Tables: []schemas.TableInfo{{Name: "gusts", Fields: []schemas.Field{{Name: "speed", Type: "float64"}}}},
	}
}

func BenchmarkOf(b *testing.B) {
	c := checker(b)
	for _, space := range []schemas.SpaceID{"energy", "health", "mobility"} {
		d := wind(space)
		b.Run(string(space), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Of(&d)
			}
		})
	}
}

// What is met is said newest first, what is missing in words, for the newest published profile of the space.
func TestOf(t *testing.T) {
	t.Parallel()
	c := checker(t)
	for space, want := range map[schemas.SpaceID]schemas.Profiled{
		"energy":  {Meets: []string{"dcat-ap/3.0.1"}},
		"nowhere": {},
		"mobility": {Meets: []string{"dcat-ap/3.0.1"}, Wanted: "mobilitydcat-ap/1.1.0", Missing: []string{
			"dct:accrualPeriodicity is missing: an IRI is wanted",
			"mobilitydcatap:mobilityTheme is missing: an IRI is wanted",
			`dcat:keyword is "gusts" without its language; a language tag is wanted, such as en`,
			"mobilitydcatap:mobilityDataStandard of the dcat:Distribution is missing",
			"dct:rights of the dcat:Distribution is missing: an IRI, or a description in place is wanted",
		}},
		"health": {Meets: []string{"dcat-ap/3.0.1"}, Wanted: "healthdcat-ap/release-8", Missing: []string{
			"dcatap:applicableLegislation is missing: an IRI is wanted",
			"dcat:theme is not <http://publications.europa.eu/resource/authority/data-theme/HEAL>",
			"healthdcatap:healthCategory is missing: an IRI is wanted",
			"healthdcatap:hasStructuredData is missing: a value of xsd:boolean is wanted",
		}},
	} {
		d := wind(space)
		got := c.Of(&d)
		if got.Shapes != c.Digest() || got.Wanted != want.Wanted || !slices.Equal(got.Meets, want.Meets) {
			t.Errorf("%s: %+v, want %+v", space, got, want)
		}
		if brief := c.Brief(&d); !slices.Equal(brief.Meets, want.Meets) || brief.Wanted != want.Wanted || brief.Missing != nil {
			t.Errorf("%s in brief: %+v, want %+v", space, brief, want)
		}
		for _, m := range want.Missing {
			if !slices.Contains(got.Missing, m) {
				t.Errorf("%s: %q is not told; there is\n%s", space, m, strings.Join(got.Missing, "\n"))
			}
		}
	}
}

// The same data has the same digest at each start.
func TestDigest(t *testing.T) {
	t.Parallel()
	if a, b := checker(t).Digest(), checker(t).Digest(); a != b || len(a) != 12 {
		t.Errorf("%s and %s", a, b)
	}
}

// Every space's sample meets its newest published profile.
func TestSamples(t *testing.T) {
	t.Parallel()
	c := checker(t)
	for i := range c.set.Spaces {
		p := &c.set.Spaces[i]
		newest := c.set.Newest(p)
		sample, ok := c.set.Samples[p.ID]
		if !ok || newest == "" {
			t.Errorf("%s has no sample, or no published profile", p.ID)
			continue
		}
		doc, err := rdf.Parse(rdf.Turtle, sample, rdf.Options{Limits: rdf.Limits{Bytes: 1 << 20, Depth: 64, Values: 1 << 16}})
		if err != nil {
			t.Fatalf("%s: %v", p.ID, err)
		}
		for _, r := range c.Nodes(doc.Nodes, "", newest) {
			if !r.Meets || r.focus == 0 {
				t.Errorf("the sample of %s does not meet %s: %q", p.ID, r.Version, words(r.Findings))
			}
		}
	}
}

// An operator's folder adds spaces and profiles, which may build on those that are there; what
// is wrong in it is named with its file and line.
func TestOperatorsFolder(t *testing.T) {
	t.Parallel()
	folder := func(shapes string) fstest.MapFS {
		return fstest.MapFS{
			"robotics/profile.json": {Data: []byte(`{"id": "robotics", "title": {"en": "Robotics"}, "required": ["title"],
				"profiles": ["robot-ap/1", "dcat-ap/3.0.1"]}`)},
			"robotics/baseline.rego": {Data: []byte("package guichet.space.robotics\n\nfindings(_, _) := set()\n")},
			"robotics/robot-ap/1/version.json": {Data: []byte(`{"title": {"en": "Robot-AP 1"}, "status": "published",
				"extends": ["dcat-ap/3.0.1"], "shapes": ["shapes.ttl"], "vocabularies": ["arm"]}`)},
			"robotics/robot-ap/1/shapes.ttl": {Data: []byte(`@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
` + shapes)},
			"vocabularies/arm.json": {Data: []byte(`{"scheme": "https://arm.example", "base": "https://arm.example/", "concepts": {"six": {"en": "Six axes"}}}`)},
		}
	}
	shapes := `<urn:s> a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property [ sh:path dct:type ; sh:minCount 1 ; sh:node <urn:v> ] .
<urn:v> a sh:NodeShape ; sh:property [ sh:path skos:inScheme ; sh:hasValue <https://arm.example> ] .`
	set, err := spaces.Load(spaces.Folder{Name: "mine", FS: folder(shapes)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	if c.Digest() == checker(t).Digest() {
		t.Error("the digest does not say that there are further shapes")
	}
	d := wind("robotics")
	if got := c.Of(&d); got.Wanted != "robot-ap/1" || !slices.Equal(got.Missing, []string{"dct:type is missing"}) {
		t.Errorf("%+v", got)
	}
	for value, want := range map[string]string{"six": "", "seven": "dct:type: <https://arm.example/seven> is not of the vocabulary https://arm.example"} {
		doc, err := rdf.Parse(rdf.Turtle, []byte(`@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
			<urn:d> a dcat:Dataset ; dct:title "t" ; dct:description "d" ; dct:type <https://arm.example/`+value+`> .`),
			rdf.Options{Limits: rdf.Limits{Bytes: 1 << 20, Depth: 64, Values: 1 << 16}})
		if err != nil {
			t.Fatal(err)
		}
		r := c.Nodes(doc.Nodes, "urn:d", "robot-ap/1")
		if got := strings.Join(words(r[0].Findings), "; "); got != want || r[0].Meets != (want == "") {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
	for shapes, want := range map[string]string{
		"<urn:s> a sh:NodeShape sh:targetClass dcat:Dataset .":                           "mine/robotics/robot-ap/1/shapes.ttl: line 3: this is not Turtle",
		"<urn:s> a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:sparql [] .":          "shapes.ttl: sh:sparql is not checked here",
		"<urn:s> a sh:NodeShape ; sh:property [ sh:path dct:type ; sh:pattern \"(\" ] .": "shapes.ttl: sh:pattern",
	} {
		set, err := spaces.Load(spaces.Folder{Name: "mine", FS: folder(shapes)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(set)
		if err == nil || schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", shapes, err, want)
		}
	}
}

// A description that is beyond the bounds meets nothing, and says so.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	c := checker(t)
	d := wind("energy")
	for range maxStatements / 3 {
		d.Links = append(d.Links, schemas.Link{URL: "https://wind.example/" + string(schemas.NewDatasetID())})
	}
	got := c.Of(&d)
	if len(got.Meets) > 0 || !slices.Contains(got.Missing, "the description is too large to be checked to its end") {
		t.Errorf("%d links: %+v", len(d.Links), got)
	}
}

// TestRealCatalogues: what real descriptions meet, with Guichet's own as they would be registered.
func TestHealthSamplesOfOthers(t *testing.T) {
	t.Parallel()
	dir := sharedtest.Path(t, "reference-data", "catalogue", "healthdcat-ap")
	files, err := filepath.Glob(filepath.Join(dir, "health-ri", "tests__*.ttl"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	c := checker(t)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := rdf.Parse(rdf.Turtle, b, rdf.Options{Base: "http://x.example/", Limits: rdf.Limits{Bytes: 1 << 20, Depth: 64, Values: 1 << 16}})
		if err != nil {
			continue
		}
		for _, r := range c.Nodes(doc.Nodes, "") {
			if r.Meets == (len(r.Findings) > 0) {
				t.Errorf("%s: %s is met %v with %d findings", file, r.Version, r.Meets, len(r.Findings))
			}
		}
	}
}

// A sample that is registered goes on meeting what it met: what Guichet keeps of it is enough.
func TestSamplesThatAreRegistered(t *testing.T) {
	t.Parallel()
	c := checker(t)
	for i := range c.set.Spaces {
		p := &c.set.Spaces[i]
		d, err := dcatap.Read(rdf.Turtle, c.set.Samples[p.ID], "")
		if err != nil {
			t.Fatalf("%s: %v", p.ID, err)
		}
		d.ID, d.Space = "ds-1", p.ID
		got := c.Of(&d)
		if p.ID == "mobility" && slices.Equal(got.Missing, []string{ // keywords are kept without their languages
			`dcat:keyword is "speed limit" without its language; a language tag is wanted, such as en`,
		}) {
			continue
		}
		if !slices.Contains(got.Meets, c.set.Newest(p)) {
			t.Errorf("%s: registered, its sample lacks %q", p.ID, got.Missing)
		}
	}
}
