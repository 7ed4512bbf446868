// Package quality gives a description the points of the EU's metadata quality assessment
// [data.europa.eu, MQA], and says what would raise them most.
//
// In: the nodes that Guichet writes of a dataset. Out: points by dimension, at most 405, and how many
// of them nobody knows: whether addresses answer is not looked at here, so those 80 points are
// never given and never counted as lost. Always: the same nodes give the same points; nothing is
// fetched. It never imports its parent.
package quality

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

const (
	nsDCAT = "http://www.w3.org/ns/dcat#"
	nsDCT  = "http://purl.org/dc/terms/"
	table  = "http://publications.europa.eu/resource/authority/"
	iana   = "//www.iana.org/assignments/media-types/"
)

// Most is the sum of all points.
const Most = 405

// indicator is one of the assessment's.
type indicator struct {
	points int
	name   string // of the field in what people write, or the property
	raise  string // what gives the points
	of     string // property, with its namespace
	dist   bool   // of a distribution; else of the dataset
	is     func(v rdf.Node, s *subject) bool
}

// indicators are those that the description alone decides [data.europa.eu, MQA methodology].
func indicators() []indicator {
	any := func(rdf.Node, *subject) bool { return true }
	of := func(prefixes ...string) func(rdf.Node, *subject) bool {
		return func(v rdf.Node, _ *subject) bool {
			return slices.ContainsFunc(prefixes, func(p string) bool { return strings.Contains(rdf.ID(v), p) })
		}
	}
	listed := func(codes []string) func(rdf.Node, *subject) bool {
		return func(v rdf.Node, _ *subject) bool { return slices.Contains(codes, formatOf(v)) }
	}
	return []indicator{
		{30, "keywords", "say keywords", nsDCAT + "keyword", false, any},
		{30, "themes", "say a theme of the EU, such as ENER", nsDCAT + "theme", false, any},
		{20, "countries", "say which area is covered", nsDCT + "spatial", false, any},
		{20, "from, until", "say which time is covered", nsDCT + "temporal", false, any},
		{20, "dcat:downloadURL", "give an address from which a file is downloaded", nsDCAT + "downloadURL", true, any},
		{20, "format", "say the format of the files", nsDCT + "format", true, any},
		{10, "media type", "say the media type of the files", nsDCAT + "mediaType", true, any},
		{10, "format", "take the format from the EU's file types, such as CSV", "", true, of(table+"file-type/", iana)},
		{20, "format", "offer a format that nobody owns, such as CSV", "", true, listed(open())},
		{20, "format", "offer a format that machines read, such as CSV", "", true, listed(machine())},
		{20, "licence", "say the licence", nsDCT + "license", true, any},
		{10, "licence", "name the licence by the EU's licence table", nsDCT + "license", true, of(table + "licence/")},
		{10, "dct:accessRights", "say the access rights", nsDCT + "accessRights", false, any},
		{5, "dct:accessRights", "name the access rights by the EU's table", nsDCT + "accessRights", false, of(table + "access-right/")},
		{20, "contact", "say whom to ask", nsDCAT + "contactPoint", false, any},
		{10, "publisher", "say who publishes it", nsDCT + "publisher", false, any},
		{5, "attribution", "say the rights", nsDCT + "rights", true, any},
		{5, "dcat:byteSize", "say how large the files are", nsDCAT + "byteSize", true, any},
		{5, "dct:issued", "say when it was issued", nsDCT + "issued", false, any},
		{5, "dct:modified", "say when it was last changed", nsDCT + "modified", false, any},
	}
}

// compliance with DCAT-AP, and what is not known: whether an address of each kind answers.
const (
	compliance = 30
	answers    = 80
)

// open are formats that nobody owns, machine those that machines read: codes of the EU's file types and ends of
// media types. The lists are ours.
func open() []string {
	return strings.Fields("CSV TSV JSON JSON_LD GEOJSON XML GML KML HTML TXT ODS NETCDF HDF PARQUET RDF_XML RDF_TURTLE RDF_N_TRIPLES SQL " +
		"csv json geo+json xml html plain vnd.apache.parquet vnd.apache.arrow.file ld+json turtle")
}

func machine() []string {
	return append(strings.Fields("XLS XLSX SHP vnd.ms-excel"), slices.DeleteFunc(open(), func(s string) bool {
		return slices.Contains([]string{"HTML", "TXT", "html", "plain"}, s)
	})...)
}

// formatOf is a format's code or the end of a media type.
func formatOf(v rdf.Node) string {
	id := rdf.ID(v)
	return id[strings.LastIndexByte(id, '/')+1:]
}

// subject is the dataset that is judged, with what else is said in its graph.
type subject struct {
	byID map[string]rdf.Node
}

func (s *subject) gather(v any) {
	switch t := v.(type) {
	case []any:
		for _, item := range t {
			s.gather(item)
		}
	case map[string]any:
		if id := rdf.ID(t); id != "" && !rdf.IsReference(t) && s.byID[id] == nil {
			s.byID[id] = t
		}
		for _, inner := range t {
			s.gather(inner)
		}
	}
}

func (s *subject) values(n rdf.Node, property string) []rdf.Node {
	if property == "" { // either says the format
		return append(rdf.List(n, nsDCT+"format"), rdf.List(n, nsDCAT+"mediaType")...)
	}
	return rdf.List(n, property)
}

// has says whether a node has what an indicator wants.
func (s *subject) has(n rdf.Node, i *indicator) bool {
	return slices.ContainsFunc(s.values(n, i.of), func(v rdf.Node) bool { return i.is(v, s) })
}

// Of judges a dataset by its nodes; complies says whether it meets DCAT-AP. Of several
// distributions the best one counts.
func Of(nodes []rdf.Node, root string, complies bool) *schemas.Quality {
	s := &subject{byID: map[string]rdf.Node{}}
	for _, n := range nodes {
		s.gather(n)
	}
	dataset := s.byID[root]
	all := indicators()
	got := make([]bool, len(all))
	best, most := []bool(nil), -1
	for _, d := range rdf.List(dataset, nsDCAT+"distribution") {
		if known := s.byID[rdf.ID(d)]; known != nil {
			d = known
		}
		have, points := make([]bool, len(all)), 0
		for i := range all {
			if all[i].dist && s.has(d, &all[i]) {
				have[i], points = true, points+all[i].points
			}
		}
		if points > most {
			best, most = have, points
		}
	}
	out := &schemas.Quality{Most: Most, Unknown: answers}
	var lost []indicator
	for i := range all {
		got[i] = all[i].dist && best != nil && best[i] || !all[i].dist && s.has(dataset, &all[i])
		if got[i] {
			out.Points += all[i].points
		} else {
			lost = append(lost, all[i])
		}
	}
	if complies {
		out.Points += compliance
	} else {
		lost = append(lost, indicator{points: compliance, name: "DCAT-AP", raise: "give all that DCAT-AP demands"})
	}
	slices.SortStableFunc(lost, func(a, b indicator) int { return cmp.Compare(b.points, a.points) })
	for _, l := range lost[:min(3, len(lost))] {
		out.Raise = append(out.Raise, fmt.Sprintf("%s (%s): %d points", l.raise, l.name, l.points))
	}
	out.Rating = rating(out.Points)
	return out
}

// rating is what data.europa.eu calls so many points.
func rating(points int) string {
	switch {
	case points > 350:
		return "excellent"
	case points > 220:
		return "good"
	case points > 120:
		return "sufficient"
	}
	return "bad"
}
