package quality

import (
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/connectors/dcatap"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

func judged(t *testing.T, d schemas.Dataset, complies bool) *schemas.Quality {
	t.Helper()
	codes, err := rdf.LoadCodes()
	if err != nil {
		t.Fatal(err)
	}
	d.ID = "ds-1"
	nodes, root, err := dcatap.Nodes(codes, d, "")
	if err != nil {
		t.Fatal(err)
	}
	return Of(nodes, root, complies)
}

// The parts sum to the assessment's 405.
func TestSum(t *testing.T) {
	t.Parallel()
	sum := compliance + answers
	for _, i := range indicators() {
		sum += i.points
	}
	if sum != Most {
		t.Errorf("the indicators sum to %d", sum)
	}
}

// Points grow with what is said, and the three largest that are missing are named.
func TestPoints(t *testing.T) {
	t.Parallel()
	bare := schemas.Dataset{Title: schemas.Text{"en": "Wind"}}
	said := bare
	said.Keywords, said.Themes, said.Countries, said.From = []string{"gusts"}, []string{"ENER"}, []string{"FR"}, "2020"
	held := said
	held.Contact, held.Publisher, held.Licence, held.Attribution = "ask@wind.example", "Wind Office", "CC-BY-4.0", "Wind Office"
	held.Registered, held.Modified = time.Now(), time.Now()
	pdf, csv := held, held
	pdf.Links = []schemas.Link{{URL: "https://wind.example/a.pdf", Format: "PDF"}}
	csv.Links = append(slices.Clone(pdf.Links), schemas.Link{URL: "https://wind.example/a.csv", Format: "CSV"})
	for name, c := range map[string]struct {
		d        schemas.Dataset
		complies bool
		points   int
		rating   string
		raise    []string
	}{
		"bare": {bare, false, 15, "bad", []string{
			"say keywords (keywords): 30 points", "say a theme of the EU, such as ENER (themes): 30 points",
			"give all that DCAT-AP demands (DCAT-AP): 30 points",
		}},
		"said": {said, true, 145, "sufficient", []string{
			"give an address from which a file is downloaded (dcat:downloadURL): 20 points", "say the format of the files (format): 20 points",
			"offer a format that nobody owns, such as CSV (format): 20 points",
		}},
		"pdf": {pdf, true, 240, "good", []string{
			"give an address from which a file is downloaded (dcat:downloadURL): 20 points",
			"offer a format that nobody owns, such as CSV (format): 20 points",
			"offer a format that machines read, such as CSV (format): 20 points",
		}},
		"csv": {csv, true, 280, "good", []string{
			"give an address from which a file is downloaded (dcat:downloadURL): 20 points",
			"say the media type of the files (media type): 10 points", "name the licence by the EU's licence table (licence): 10 points",
		}},
	} {
		q := judged(t, c.d, c.complies)
		if q.Points != c.points || q.Rating != c.rating || q.Most != Most || q.Unknown != 80 {
			t.Errorf("%s: %+v, want %d points", name, q, c.points)
		}
		if !slices.Equal(q.Raise, c.raise) {
			t.Errorf("%s: %q", name, strings.Join(q.Raise, "\n"))
		}
	}
}

// Ratings are those of data.europa.eu.
func TestRating(t *testing.T) {
	t.Parallel()
	for points, want := range map[int]string{
		0: "bad", 120: "bad", 121: "sufficient", 220: "sufficient", 221: "good", 350: "good", 351: "excellent", 405: "excellent",
	} {
		if got := rating(points); got != want {
			t.Errorf("%d points are %s, want %s", points, got, want)
		}
	}
}

// Distributions that are named elsewhere in the graph count, and a graph about something
// else gives nothing.
func TestReferences(t *testing.T) {
	t.Parallel()
	doc, err := rdf.Parse(rdf.Turtle, []byte(`@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
		<urn:d> a dcat:Dataset ; dcat:distribution <urn:a>, <urn:b> .
		<urn:b> dcat:downloadURL <https://x.example/a.csv> ; dct:license <http://publications.europa.eu/resource/authority/licence/CC0> ;
			dcat:mediaType <https://www.iana.org/assignments/media-types/text/csv> .`),
		rdf.Options{Limits: rdf.Limits{Bytes: 1 << 20, Depth: 10, Values: 100}})
	if err != nil {
		t.Fatal(err)
	}
	if q := Of(doc.Nodes, "urn:d", false); q.Points != 110 {
		t.Errorf("%+v", q)
	}
	for _, root := range []string{"urn:none", ""} {
		if q := Of(doc.Nodes, root, false); q.Points != 0 || len(q.Raise) != 3 {
			t.Errorf("%q: %+v", root, q)
		}
	}
	if q := Of(nil, "urn:d", true); q.Points != compliance {
		t.Errorf("nothing: %+v", q)
	}
}

// The best distribution counts, wherever it stands, and only it: points of two are not added.
func TestBestDistribution(t *testing.T) {
	t.Parallel()
	turtle := func(distributions string) *schemas.Quality {
		t.Helper()
		doc, err := rdf.Parse(rdf.Turtle, []byte(`@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
			<urn:d> a dcat:Dataset ; dcat:distribution `+distributions+` .`), rdf.Options{Limits: rdf.Limits{Bytes: 1 << 20, Depth: 10, Values: 100}})
		if err != nil {
			t.Fatal(err)
		}
		return Of(doc.Nodes, "urn:d", false)
	}
	for distributions, want := range map[string]int{
		"[]":                      0,
		"[ dct:license <urn:l> ]": 20,
		"[ dct:license <urn:l> ], [ dct:format <urn:f> ]":                           20,
		"[ dct:license <urn:l> ], [ dct:format <urn:f> ; dcat:byteSize 1 ]":         25,
		"[ dct:format <urn:f> ; dcat:byteSize 1 ], [ dct:license <urn:l> ], [], []": 25,
	} {
		if q := turtle(distributions); q.Points != want {
			t.Errorf("%s: %d points, want %d", distributions, q.Points, want)
		}
	}
}
