package export

import (
	"bytes"
	"encoding/json"
	"testing"

	"guichet/connectors/db/dbtest"
	"guichet/connectors/dcatap"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// hostile are descriptions with which one provider could turn what harvesters read of a whole page:
// registered where that is taken, or refused.
func hostile(victim string) map[string]schemas.Dataset {
	with := func(f func(d *schemas.Dataset)) schemas.Dataset {
		d := schemas.Dataset{Provider: ann.Participant, IRI: "https://agronomy.example/hostile", Space: "agriculture",
			Title: schemas.Text{"en": "hostile"}, Licence: "CC-BY-4.0", Countries: []string{"FR"}, Visibility: schemas.VisibleToEveryone,
			Tables: []schemas.TableInfo{{Name: "t", Fields: []schemas.Field{{Name: "yield", Unit: "t/ha"}}}}}
		f(&d)
		return d
	}
	said := func(text string) schemas.Dataset {
		return with(func(d *schemas.Dataset) { d.RDF = text })
	}
	return map[string]schemas.Dataset{
		"a next page":         said(`<> <http://www.w3.org/ns/hydra/core#next> <https://hostile.example/more> .`),
		"a next page, nested": said(`<> dct:relation [ <http://www.w3.org/ns/hydra/core#next> <https://hostile.example/more> ] .`),
		"a total":             said(`<> <http://www.w3.org/ns/hydra/core#totalItems> 1000000 .`),
		"an event":            said(`<> a <https://www.w3.org/ns/activitystreams#Delete> ; <https://www.w3.org/ns/activitystreams#object> <` + victim + `> .`),
		"an event, nested": said(`<> dct:relation [ a <https://www.w3.org/ns/activitystreams#Delete> ; <https://www.w3.org/ns/activitystreams#object> <` +
			victim + `> ] .`),
		"a node of a feed":      said(`<> a <https://w3id.org/tree#Node> ; <https://w3id.org/tree#relation> [ <https://w3id.org/tree#node> <https://hostile.example/more> ] .`),
		"a class of the victim": with(func(d *schemas.Dataset) { d.Licence = victim }),
		"no character of XML":   with(func(d *schemas.Dataset) { d.Title = schemas.Text{"en": "odd \uffff \ufffe"} }),
		"no character in a key": with(func(d *schemas.Dataset) { d.Keywords = []string{"odd\uffff"} }),
		"no XML in a column":    with(func(d *schemas.Dataset) { d.Tables[0].Fields[0].Name = "odd\uffff" }),
		"no XML in a table":     with(func(d *schemas.Dataset) { d.Tables[0].Name = "odd\uffff" }),
		"a delimiter":           with(func(d *schemas.Dataset) { d.Tables[0].CSV = &schemas.CSV{Delimiter: "\x01", Null: []string{"\x02"}} }),
		"an odd unit":           with(func(d *schemas.Dataset) { d.Tables[0].Fields[0].Unit = "\x03" }),
		"an odd tag":            with(func(d *schemas.Dataset) { d.Title = schemas.Text{"en": "x", "e n": "y"} }),
		"an odd concept":        with(func(d *schemas.Dataset) { d.Tables[0].Fields[0].Concept = "http://x y\x01" }),
		"an odd link": with(func(d *schemas.Dataset) {
			d.Links = []schemas.Link{{URL: "https://a.example/x", Title: "\ufffe", Format: "\ufffe"}}
		}),
		"an odd contact": with(func(d *schemas.Dataset) { d.Contact = "https://a.example/\ufffe" }),
	}
}

// TestOneProviderAlone: whatever one provider says of its own dataset, every page is there in each
// serialisation, and says of another's dataset what it says without it.
func TestOneProviderAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	victim := s.register(t, "victim", schemas.VisibleToEveryone)
	named := dcatap.Named(victim.ID, s.URL)
	read := func(format rdf.Format) (dcatap.Page, schemas.Dataset, []byte) {
		resp, body := s.get(t, "/api/v1/catalogue", string(format), "")
		if resp.StatusCode != 200 {
			t.Errorf("%s: %s %s", format, resp.Status, body)
			return dcatap.Page{}, schemas.Dataset{}, nil
		}
		p, err := dcatap.ReadPage(format, []byte(body), s.URL+"/api/v1/catalogue")
		must(t, err)
		for _, item := range p.Items {
			if item.IRI == named {
				return p, item.Dataset, []byte(body)
			}
		}
		t.Errorf("%s: the victim is not on the page: %+v", format, p)
		return p, schemas.Dataset{}, nil
	}
	for name, d := range hostile(named) {
		for _, format := range []rdf.Format{rdf.JSONLD, rdf.Turtle, rdf.RDFXML} {
			t.Run(name+" "+string(format), func(t *testing.T) {
				_, want, _ := read(format)
				taken, err := s.catalog.Register(t.Context(), ann, d)
				if err != nil {
					t.Logf("refused: %v", err)
					return
				}
				defer func() {
					_, err := s.catalog.Withdraw(t.Context(), ann, taken.ID, 0)
					must(t, err)
				}()
				p, got, _ := read(format)
				a, _ := jsonOf(want)
				b, _ := jsonOf(got)
				if !bytes.Equal(a, b) || p.Feed || len(p.Items) != 2 || p.Next != "" || p.Total != 0 {
					t.Errorf("feed %v, %d items, next %q, total %d\n%s\n%s", p.Feed, len(p.Items), p.Next, p.Total, a, b)
				}
				if resp, body := s.get(t, "/api/v1/catalogue/changes", "", ""); resp.StatusCode != 200 {
					t.Errorf("changes: %s %s", resp.Status, body)
				} else if p, err := dcatap.ReadPage(rdf.JSONLD, []byte(body), s.URL+"/api/v1/catalogue/changes"); err != nil || !p.Feed {
					t.Errorf("changes: %+v %v", p, err)
				}
			})
		}
	}
}

func jsonOf(d schemas.Dataset) ([]byte, error) { return json.Marshal(d) }
