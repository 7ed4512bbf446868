package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"guichet/schemas"
)

// foundIDs are the ids that a search finds, in its order.
func (s *site) foundIDs(who, query string) []schemas.DatasetID {
	s.t.Helper()
	var page struct {
		Items []struct{ ID schemas.DatasetID }
	}
	s.want(200, who, "GET", "/datasets?"+query, nil).as(s.t, &page)
	var out []schemas.DatasetID
	for _, it := range page.Items {
		out = append(out, it.ID)
	}
	return out
}

// described registers a DCAT-AP document.
func (s *site) described(doc string) schemas.Dataset {
	s.t.Helper()
	var d schemas.Dataset
	s.want(201, "agronomy", "POST", "/datasets?space=agriculture", doc, "Content-Type", "application/ld+json").as(s.t, &d)
	return d
}

// Trial 96: a dataset is found by each of its times, and not by what lies between them.
// What is not kept of its description is told by the answer, and is not stored.
func TestPeriodsAndNotes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	two := s.described(shared(t, "reports/96-two-periods/two.jsonld"))
	zone := s.described(shared(t, "reports/96-two-periods/zone.jsonld"))
	instants := s.described(shared(t, "reports/96-two-periods/instants.jsonld"))
	open := s.described(`{"@context": {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/"}, "@id": "https://x.example/open", "@type": "dcat:Dataset",
		"dct:title": "Orchard frost to come", "dct:license": "CC0-1.0", "dct:spatial": {"@id": "http://publications.europa.eu/resource/authority/country/FRA"},
		"dct:temporal": {"dcat:startDate": "2024"}, "dct:creator": {"@id": "https://x.example/me"}, "colour": "blue"}`)
	if two.From != "2010-01-01" || two.Until != "2020-12-31" || len(two.Periods) != 2 || len(two.Notes) > 0 {
		t.Errorf("two periods are read as %+v", two)
	}
	if got := strings.Join(open.Notes, "; "); !strings.Contains(got, "not kept: colour (no context says what it means)") ||
		!strings.Contains(open.RDF, "dct:creator <https://x.example/me>") {
		t.Errorf("what is not kept is told as %q, and what has no field is kept as %q", got, open.RDF)
	}
	var again schemas.Dataset
	s.want(200, "agronomy", "GET", "/datasets/"+string(open.ID), nil).as(t, &again)
	if len(again.Notes) > 0 {
		t.Errorf("notes are stored: %v", again.Notes)
	}
	s.settle()
	for query, want := range map[string][]schemas.DatasetID{
		"from=2019-01-01&to=2020-06":    {two.ID},
		"from=2010&to=2010-02":          {two.ID},
		"from=2012&to=2019":             nil,
		"from=2019-01-01&to=2022-08-03": {two.ID, zone.ID, instants.ID},
		"from=2022-11-24&to=2023":       {zone.ID, instants.ID},
		"from=2022-11-25":               {open.ID},
		"to=2010":                       {two.ID},
		"from=2031&to=2032":             {open.ID},
	} {
		got := s.foundIDs("agronomy", query)
		if !sameIDs(got, want) {
			t.Errorf("%s finds %v, want %v", query, got, want)
		}
	}
	var plain schemas.Dataset
	in := wheat("Two harvests")
	in.Periods = []schemas.Days{{From: "2001", Until: "2002"}, {From: "2005-06"}}
	s.want(201, "agronomy", "POST", "/datasets", in).as(t, &plain)
	if plain.From != "2001" || plain.Until != "" || len(plain.Periods) != 2 {
		t.Errorf("periods in JSON are read as %+v", plain)
	}
	in.From = "2003"
	if r := s.want(422, "agronomy", "POST", "/datasets", in); !strings.Contains(r.body, "leave them out") {
		t.Errorf("ends that are not those of the periods: %s", r.body)
	}
}

func sameIDs(a, b []schemas.DatasetID) bool {
	count := map[schemas.DatasetID]int{}
	for _, id := range a {
		count[id]++
	}
	for _, id := range b {
		count[id]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return len(a) == len(b)
}

// sort=modified gives the newest first, on every page; titles go by their letters.
func TestSorts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var ids []schemas.DatasetID
	for _, title := range []string{"Äpfel", "birches", "Cherries", "apricots", "Zucchini"} {
		ids = append(ids, s.register(wheat(title)).ID)
	}
	s.settle()
	pages := func(query string) []schemas.DatasetID {
		var out []schemas.DatasetID
		for cursor := ""; ; {
			var page struct {
				Items []struct{ ID schemas.DatasetID }
				Next  string
				Total int
			}
			s.want(200, "agronomy", "GET", "/datasets?limit=2&"+query+cursor, nil).as(t, &page)
			for _, it := range page.Items {
				out = append(out, it.ID)
			}
			if page.Total != len(ids) {
				t.Errorf("%s: %d in all", query, page.Total)
			}
			if page.Next == "" {
				return out
			}
			cursor = "&cursor=" + page.Next
			if len(out) == 2 { // before the others in both orders
				ids = append(ids, s.register(wheat("Aaa")).ID)
				s.settle()
			}
		}
	}
	if got, want := pages("sort=modified"), []schemas.DatasetID{ids[4], ids[3], ids[2], ids[1], ids[0]}; !slices.Equal(got, want) {
		t.Errorf("newest first: %v, want %v", got, want)
	}
	if got, want := pages("sort=title"), []schemas.DatasetID{ids[5], ids[0], ids[3], ids[1], ids[2], ids[4]}; !slices.Equal(got, want) {
		t.Errorf("by title: %v, want %v", got, want)
	}
	if got := pages("access=no,ask,now,elsewhere&q=wheat"); len(got) != len(ids)-1 && len(got) != len(ids) {
		t.Errorf("by marks: %d of %d", len(got), len(ids))
	}
	if r := s.want(422, "agronomy", "GET", "/datasets?cursor=bzIw", nil); !strings.Contains(r.body, "not a valid cursor") {
		t.Errorf("another's cursor: %s", r.body)
	}
}

// Datasets of real catalogues register as they stand: their places, languages and licences
// are read in every usual form, and what differs from the document is told.
func TestRealDescriptions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	doc := func(id, more string) string {
		return `{"@context": {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "eu": "http://publications.europa.eu/resource/authority/", "skos": "http://www.w3.org/2004/02/skos/core#"}, "@id": "https://x.example/` + id + `", "@type": "dcat:Dataset",
			"dct:title": {"@value": "Tides", "@language": "en"}, ` + more + `}`
	}
	two := s.described(doc("two", `"dct:license": [{"@id": "https://creativecommons.org/licenses/by/4.0/"}, {"@id": "eu:licence/CC_BYNC_4_0"}], "dct:spatial": [{"@id": "https://sws.geonames.org/3337388/"}, {"@id": "eu:country/FRA"}],
		"dct:language": [{"@id": "http://lexvo.org/id/iso639-3/nld"}, "fre"], "dcat:theme": {"@id": "eu:data-theme/ENVI"},
		"dcat:distribution": [{"dcat:accessURL": {"@id": "ftp://files.example/a"}, "dct:license": {"@id": "eu:licence/CC0"}}]`))
	if two.Licence != "CC-BY-NC-4.0" || !slices.Equal(two.Licences, []string{"CC-BY-4.0", "CC-BY-NC-4.0", "CC0-1.0"}) || !slices.Equal(two.Countries, []string{"BE", "FR"}) || !slices.Equal(two.Languages, []string{"nl", "fr"}) {
		t.Errorf("read as %+v", two)
	}
	if !strings.Contains(strings.Join(two.Notes, "\n"), "3 licences are kept") || !strings.Contains(two.RDF, "<https://sws.geonames.org/3337388/>") {
		t.Errorf("%q, %q", two.Notes, two.RDF)
	}
	all := s.described(doc("all", `"dct:license": "CC0-1.0", "dct:spatial": {"@id": "eu:continent/EUROPE"}`))
	named := s.described(doc("named", `"dct:license": "CC0-1.0", "dct:spatial": {"@type": "dct:Location", "skos:prefLabel": {"@value": "Ελλάδα", "@language": "el"}}`))
	s.settle()
	for query, want := range map[string][]schemas.DatasetID{
		"country=Belgium": {two.ID, all.ID}, "country=GRC": {all.ID, named.ID}, "country=http://publications.europa.eu/resource/authority/country/FRA": {two.ID, all.ID},
		"language=fra": {two.ID}, "licence=CC-BY-4.0": {two.ID}, "licence=CC-BY-NC-4.0": {two.ID}, "licence=CC0-1.0": {two.ID, all.ID, named.ID},
	} {
		if got := s.foundIDs("agronomy", strings.ReplaceAll(query, "://", "%3A%2F%2F")); !sameIDs(got, want) {
			t.Errorf("%s finds %v, want %v", query, got, want)
		}
	}
	var page struct {
		Facets map[string]struct {
			Values []struct {
				Value, Label string
				Count        int
			}
		}
	}
	s.want(200, "agronomy", "GET", "/datasets?facets=country,language,theme,space&facet_limit=100", nil).as(t, &page)
	for name, want := range map[string][2]string{"country": {"BE", "Belgium"}, "language": {"nl", "Dutch"}, "theme": {"ENVI", "Environment"}, "space": {"agriculture", "Agriculture"}} {
		ok := false
		for _, v := range page.Facets[name].Values {
			ok = ok || v.Value == want[0] && v.Label == want[1]
		}
		if !ok {
			t.Errorf("facet %s: %+v", name, page.Facets[name])
		}
	}
	r := s.want(422, "agronomy", "POST", "/datasets?space=agriculture", doc("nowhere", `"dct:license": "CC0-1.0", "dct:spatial": {"@id": "https://x.example/places/1"}`), "Content-Type", "application/ld+json")
	if !strings.Contains(r.body, "https://x.example/places/1") || !strings.Contains(r.body, "add the country, such as") {
		t.Errorf("a place that is not known: %s", r.body)
	}
}

// Trial 98, at the door: Greek is found however it is typed.
func TestGreek(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var sets []map[string]any
	must(t, json.Unmarshal([]byte(shared(t, "reports/98-greek/datasets.json")), &sets))
	ids := map[schemas.DatasetID]string{}
	for _, d := range sets {
		var out schemas.Dataset
		s.want(201, "agronomy", "POST", "/datasets", d).as(t, &out)
		ids[out.ID] = out.IRI[strings.LastIndex(out.IRI, "/")+1:]
	}
	s.settle()
	var expected map[string][]string
	must(t, json.Unmarshal([]byte(shared(t, "reports/98-greek/expected.json")), &expected))
	for words, want := range expected {
		var got []string
		for _, id := range s.foundIDs("agronomy", "q="+url.QueryEscape(words)) {
			got = append(got, ids[id])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", words, got, want)
		}
	}
}

// Text that looks the same is the same, wherever it comes in; what a dataset is called
// elsewhere is kept, shown and found.
func TestSameLookingText(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var ids []schemas.DatasetID
	for i, publisher := range []string{"Universit\u00e9 d\u2019Orl\u00e9ans", "Universite\u0301 d\u2019Orle\u0301ans", "Universit\u00e9\u00a0d\u2019Or\u00adl\u00e9ans"} {
		in := wheat("Bl\u00e9 d\u2019hiver")
		in.From, in.Until = fmt.Sprint(2001+i), fmt.Sprint(2001+i) // or they are the same data
		in.Publisher, in.Keywords, in.Identifiers = publisher, []string{"re\u0301colte"}, []string{"10.5281/zenodo.987654", "ISBN 978-3"}
		if strings.Contains(publisher, "\u0301") {
			in.Title = schemas.Text{"en": "Ble\u0301 d\u2019hiver"}
		}
		d := s.register(in)
		if d.Title["en"] != "Bl\u00e9 d\u2019hiver" || d.Keywords[0] != "r\u00e9colte" || len(d.Identifiers) != 2 {
			t.Errorf("kept as %+q %+q %q", d.Title["en"], d.Keywords, d.Identifiers)
		}
		ids = append(ids, d.ID)
	}
	s.settle()
	for _, query := range []string{"q=bl\u00e9", "q=ble\u0301", "q=BLE", "q=r\u00e9colte", "q=10.5281/zenodo.987654", "q=ISBN+978-3",
		"publisher=Universit\u00e9 d\u2019Orl\u00e9ans", "publisher=Universite\u0301 d\u2019Orle\u0301ans", "publisher=Universit\u00e9 d\u2019Or\u200bl\u00e9ans"} {
		name, value, _ := strings.Cut(query, "=")
		if got := s.foundIDs("agronomy", name+"="+strings.ReplaceAll(url.QueryEscape(value), "%2B", "+")); !sameIDs(got, ids) {
			t.Errorf("%+q finds %d", query, len(got))
		}
	}
	var page struct {
		Facets map[string]struct{ Values []struct{ Count int } }
	}
	s.want(200, "agronomy", "GET", "/datasets?facets=publisher", nil).as(t, &page)
	if values := page.Facets["publisher"].Values; len(values) != 1 || values[0].Count != 3 {
		t.Errorf("publishers: %+v", values)
	}
	d := s.described(`{"@context": {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "adms": "http://www.w3.org/ns/adms#", "skos": "http://www.w3.org/2004/02/skos/core#"}, "@id": "https://x.example/ids", "@type": "dcat:Dataset",
		"dct:title": "Called many names", "dct:license": "CC0-1.0", "dct:spatial": "FR", "dct:identifier": "SE-123/4", "adms:identifier": [{"@type": "adms:Identifier", "skos:notation": "doi:10.1/xyz"}]}`)
	if !slices.Equal(d.Identifiers, []string{"SE-123/4", "doi:10.1/xyz"}) {
		t.Errorf("identifiers: %v", d.Identifiers)
	}
	s.settle()
	for _, q := range []string{"SE-123/4", "doi:10.1/xyz"} {
		if got := s.foundIDs("agronomy", "q="+url.QueryEscape(q)); !sameIDs(got, []schemas.DatasetID{d.ID}) {
			t.Errorf("%s finds %v", q, got)
		}
	}
	ld := s.want(200, "agronomy", "GET", "/datasets/"+string(d.ID), nil, "Accept", "application/ld+json").body
	if !strings.Contains(ld, `"dct:identifier": "SE-123/4"`) || !strings.Contains(ld, "doi:10.1/xyz") {
		t.Errorf("shown as %s", ld)
	}
}

// Names of one line hold nothing that forges others on a terminal; texts hold what texts need.
func TestNamesAreOneLine(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, bad := range []string{"a\x1b[2Jb", "a\u202eb", "a\u2028b"} {
		in := wheat("Wheat")
		in.Publisher = bad
		s.want(422, "agronomy", "POST", "/datasets", in)
		in = wheat("Wheat")
		in.Keywords = []string{bad}
		s.want(422, "agronomy", "POST", "/datasets", in)
		s.want(422, "operator", "POST", "/participants", map[string]any{"id": "https://x.example", "name": bad, "country": "FR", "kind": "research", "roles": []string{"trainer"}})
	}
	in := wheat("Wheat\x1b[2J")
	s.want(422, "agronomy", "POST", "/datasets", in)
	in = wheat("Wheat")
	in.Description, in.Publisher = schemas.Text{"en": "One\n\ttwo"}, "Office\nof fields"
	if d := s.register(in); d.Publisher != "Office of fields" || d.Description["en"] != "One\n\ttwo" {
		t.Errorf("kept as %q %q", d.Publisher, d.Description["en"])
	}
}
