package mapping

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/schemas"
)

// TestRules: members of each form land where its rules say, and what cannot is told.
func TestRules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		doc  string
		want schemas.Dataset
		rdf  string
		note string
	}{
		"a name for a title": {
			doc: `{"name": "wind", "resources": [{"path": "a.csv"}]}`,
			want: schemas.Dataset{
				Title:       schemas.Text{"": "wind"},
				Identifiers: []string{"wind"},
			},
			note: "resources.path: not carried over, as it is no whole address: a.csv",
		},
		"a title in languages": {
			doc: `{"title": {"de": "Wind", "en": "wind"}, "resources": [{"data": [1]}]}`,
			want: schemas.Dataset{
				Title: schemas.Text{"": "Wind"},
			},
			note: "not carried over: resources.data",
		},
		"a licence by its address": {
			doc: `{"title": "T", "licenses": [{"path": "https://creativecommons.org/licenses/by/4.0/"}], "resources": [{"profile": "x"}]}`,
			want: schemas.Dataset{
				Title:   schemas.Text{"": "T"},
				Licence: "CC-BY-4.0",
			},
		},
		"an organisation before a person": {
			doc: `{"title": "T", "contributors": [{"title": "P", "organization": "Office"}], "resources": [{"profile": "x"}]}`,
			want: schemas.Dataset{
				Title:     schemas.Text{"": "T"},
				Publisher: "Office",
			},
			note: "not carried over: contributors.title",
		},
		"no address and nobody to ask": {
			doc: `{"title": "T", "homepage": "here", "contributors": [{"email": "nowhere"}], "resources": [{"profile": "x"}]}`,
			want: schemas.Dataset{
				Title: schemas.Text{"": "T"},
			},
			note: "homepage: not carried over, as it is not what it should be (iri): here\n" +
				"contributors.email: not carried over, as it is not what it should be (contact): nowhere",
		},
		"a resource of many paths": {
			doc: `{"title": "T", "resources": [{"name": "n", "path": ["https://x.example/1.csv", "https://x.example/2.csv"]}]}`,
			want: schemas.Dataset{
				Title: schemas.Text{"": "T"},
				Links: []schemas.Link{
					{URL: "https://x.example/1.csv", Title: "n"},
					{URL: "https://x.example/2.csv", Title: "n"},
				},
			},
		},
		"a table of odd names": {
			doc: `{"title": "T", "resources": [{"name": "ÄÖ Wind / 2020", "path": "a.csv", "schema": {"fields": [
				{"name": "a", "type": "year"}, {"name": "a"}, {"type": "text"}]}}]}`,
			want: schemas.Dataset{
				Title: schemas.Text{"": "T"},
				Tables: []schemas.TableInfo{{
					Name:   "wind-2020",
					Fields: []schemas.Field{{Name: "a", Type: "int64"}},
				}},
			},
		},
		"OEMetadata of before": {
			doc: `{"metaMetadata": {}, "title": "T", "id": "https://x.example/t", "language": ["en-GB"], "publicationDate": "2020",
				"context": {"contact": "ask@x.example", "homepage": "https://x.example/"}, "spatial": {"extent": "Germany"},
				"temporal": {"timeseries": [{"start": "2019-01-01T00:00+01", "end": "2019-12-31T23:00+01"}]},
				"licenses": [{"name": "ODbL-1.0", "attribution": "us"}], "resources": [{"name": "model_draft.table", "format": "PostgreSQL",
				"schema": {"fields": [{"name": "cap", "type": "double precision", "unit": "MW", "isAbout": [{"name": "capacity", "path": "x"}]},
				{"name": "geom", "type": "geometry(Point, 4326)"}]}}]}`,
			want: schemas.Dataset{
				IRI:         "https://x.example/t",
				Title:       schemas.Text{"": "T"},
				Languages:   []string{"en-GB"},
				Contact:     "ask@x.example",
				Countries:   []string{"DE"},
				Licence:     "ODbL-1.0",
				Attribution: "us",
				Tables: []schemas.TableInfo{{
					Name: "model-draft-table",
					Fields: []schemas.Field{
						{Name: "cap", Type: "float64", Unit: "MW"},
						{Name: "geom"},
					},
				}},
			},
			rdf:  `dct:issued "2020"^^xsd:gYear`,
			note: "as it is no type of ours: geometry",
		},
		"licences of files": {
			doc: `{"title": "T", "licenses": [{"name": "CC-BY-4.0"}], "resources": [{"name": "a", "path": "https://x.example/a"},
				{"name": "b", "path": "https://x.example/b", "licenses": [{"name": "CC0-1.0"}]}]}`,
			want: schemas.Dataset{
				Title:    schemas.Text{"": "T"},
				Licence:  "CC-BY-4.0",
				Licences: []string{"CC-BY-4.0", "CC0-1.0"},
				Links: []schemas.Link{
					{URL: "https://x.example/a", Title: "a"},
					{URL: "https://x.example/b", Title: "b", Licence: "CC0-1.0"},
				},
			},
		},
		"a box": {
			doc: `{"metaMetadata": {}, "title": "T", "resources": [{"name": "n", "spatial": {"extent": {"boundingBox": [13.1, 52.3, 13.7, 52.6],
				"crs": "EPSG:4326"}}}]}`,
			want: schemas.Dataset{
				Title: schemas.Text{"": "T"},
				Box:   []float64{13.1, 52.3, 13.7, 52.6},
			},
		},
		"a box in metres": {
			doc: `{"metaMetadata": {}, "title": "T", "resources": [{"spatial": {"extent": {"boundingBox": [1, 2, 3, 4], "crs": "EPSG:3035"}}}]}`,
			want: schemas.Dataset{
				Title: schemas.Text{"": "T"},
			},
			note: "resources.spatial.extent: not carried over, as it is not what it should be (box)",
		},
		"a shape": {
			doc: `{"title": "T", "spatial": {"type": "Polygon", "coordinates": [[[1,2],[3,2],[3,4],[1,2]]]}, "resources": [{"name": "n", "path": "a.csv"}]}`,
			want: schemas.Dataset{
				Title: schemas.Text{"": "T"},
				Box:   []float64{1, 2, 3, 4},
			},
			rdf: `locn:geometry "{\"coordinates\":[[[1,2],[3,2],[3,4],[1,2]]],\"type\":\"Polygon\"}"`,
		},
		"no shape": {
			doc: `{"title": "T", "spatial": {"type": "Polygon"}, "resources": [{"name": "n", "path": "a.csv"}]}`,
			want: schemas.Dataset{
				Title: schemas.Text{"": "T"},
			},
			note: "spatial: not carried over, as it is not what it should be (place)",
		},
		"nothing but nulls": {
			doc: `{"metaMetadata": null, "title": "T", "id": null, "temporal": {"timeseries": [{"start": null}]}, "resources": [null, {"name": null}]}`,
			want: schemas.Dataset{
				Title: schemas.Text{"": "T"},
			},
		},
	} {
		got, is, err := Read([]byte(c.doc))
		if err != nil || !is {
			t.Errorf("%s: %v, %v", name, is, err)
			continue
		}
		if notes := strings.Join(got.Notes, "\n"); !strings.Contains(notes, c.note) {
			t.Errorf("%s: %q, want %q", name, notes, c.note)
		}
		if !strings.Contains(got.RDF, c.rdf) {
			t.Errorf("%s: %q, want %q", name, got.RDF, c.rdf)
		}
		c.want.From, c.want.Until = got.From, got.Until
		got.RDF, got.Notes = "", nil
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestRefuses: what is of a form and no dataset is refused with its place.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		doc  string
		says string
	}{
		"no title": {
			doc:  `{"resources": [{"path": "a.csv"}]}`,
			says: "no title",
		},
		"a title that is none": {
			doc:  `{"title": 7.5e1, "name": [], "resources": [{"path": "a.csv"}]}`,
			says: "",
		},
		"a relative name": {
			doc:  `{"metaMetadata": {}, "title": "T", "id": "here", "resources": []}`,
			says: "",
		},
	} {
		d, is, err := Read([]byte(c.doc))
		if !is {
			t.Errorf("%s: not known", name)
		}
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.says == "" && len(d.Title) == 0:
			t.Errorf("%s: %+v", name, d)
		case c.says != "" && (schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}
