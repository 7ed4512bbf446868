// Package search knows what the API's searches are asked with.
//
// In: parameters. Out: queries of the index. Always: what is no value of a closed list is
// refused, and not answered by nothing. It finds and decides nothing.
package search

import (
	"slices"
	"strings"

	"guichet/catalog/index"
	"guichet/connectors/dcatap/licence"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Parameters are a search with its filters and the use that marks are for.
type Parameters struct {
	Q          string `query:"q" maxLength:"512" doc:"words, \"phrases\", begin*, nearly~ and field:value; all must be found"`
	ID         string `query:"id" doc:"only these datasets, each as a hit of its own: ids, separated by commas, 1000 at most"`
	Space      string `query:"space" doc:"alternatives separated by commas, as for every filter"`
	Theme      string `query:"theme"`
	Country    string `query:"country"`
	Language   string `query:"language"`
	Publisher  string `query:"publisher"`
	Licence    string `query:"licence"`
	Format     string `query:"format"`
	Provider   string `query:"provider"`
	Column     string `query:"column"`
	Unit       string `query:"unit" doc:"of the same column as column, type and concept"`
	Type       string `query:"type" doc:"of a column: float64, or float for all of its sizes"`
	Concept    string `query:"concept" doc:"IRI of what a column measures"`
	Region     string `query:"region" doc:"NUTS code; data about regions inside it is found too"`
	Box        string `query:"box" doc:"west,south,east,north in degrees: data whose area overlaps"`
	Updated    string `query:"updated" doc:"changed on this day or later"`
	From       string `query:"from" doc:"datasets whose time reaches this day or later"`
	To         string `query:"to"`
	Access     string `query:"access" doc:"only hits with these marks: now, ask, no, elsewhere; at most 10,000 hits are judged"`
	Purpose    string `query:"purpose" doc:"marks tell what is allowed for it"`
	Project    string `query:"project" doc:"marks tell what is allowed for it"`
	Action     string `query:"action" doc:"marks tell whether this is allowed: use, read or train; when left out what the purpose does with data"`
	Sort       string `query:"sort" enum:",modified,title,size,quality" doc:"the best match when left out; modified: newest first; size: largest; quality: best described"`
	Facets     string `query:"facets" doc:"names separated by commas; access counts the marks, time how many hits cover each period (from/until in years), place each cell of a map (west,south,east,north)"`
	FacetLimit int    `query:"facet_limit" minimum:"1" maximum:"1000" default:"10"`
	Brief      bool   `query:"brief" doc:"hits say what they are, and nothing is judged or counted: no marks, facts, or places of the same data"`
	Cursor     string `query:"cursor"`
	Limit      int    `query:"limit" minimum:"1" maximum:"1000" default:"20"`
}

// maxIDs bounds the datasets that a search names.
const maxIDs = 1000

// Query is what the index is asked. Errors: Invalid.
func (in *Parameters) Query(profiles []schemas.SpaceProfile) (index.Query, error) {
	q := index.Query{
		Words:      in.Q,
		Filters:    map[string][]string{},
		From:       in.From,
		To:         in.To,
		Updated:    in.Updated,
		Box:        in.Box,
		FacetLimit: in.FacetLimit,
		Sort:       in.Sort,
		Limit:      in.Limit,
	}
	for name, value := range map[string]string{"space": in.Space, "theme": in.Theme, "country": in.Country, "language": in.Language,
		"publisher": in.Publisher,
		"licence":   in.Licence, "format": in.Format, "provider": in.Provider, "column": in.Column, "unit": in.Unit, "type": in.Type,
		"concept": in.Concept, "region": in.Region} {
		if value != "" {
			q.Filters[name] = strings.Split(value, ",")
		}
	}
	if in.ID != "" {
		q.Apart = true // who names two that are the same data asks for both
		for id := range strings.SplitSeq(in.ID, ",") {
			q.Only = append(q.Only, schemas.DatasetID(id))
		}
		if len(q.Only) > maxIDs {
			return q, schemas.BadField("search", "id", "%d ids; at most %d are taken at once", len(q.Only), maxIDs)
		}
	}
	err := q.Read()
	if err != nil {
		return q, err
	}
	switch {
	case in.Access == "":
		in.Access = q.Access
	case q.Access != "" && q.Access != in.Access:
		return q, schemas.BadField("search", "access", "it is said twice: %s and %s", in.Access, q.Access)
	}
	for _, filters := range []map[string][]string{q.Filters, q.Typed} {
		err = closedFilters(filters, profiles)
		if err != nil {
			return q, err
		}
	}
	return q, inOrder(&q)
}

// closedFilters refuses values of closed lists that are not in them: they would find
// nothing, as if there were nothing. Countries and languages are written as the index has
// them. Themes and the like are open lists.
func closedFilters(filters map[string][]string, profiles []schemas.SpaceProfile) error {
	if wanted := filters["space"]; len(wanted) > 0 {
		spaces := make([]string, len(profiles))
		for i := range profiles {
			spaces[i] = string(profiles[i].ID)
		}
		for _, s := range wanted {
			if !slices.Contains(spaces, s) {
				return schemas.BadField("search", "space", "%q is not a data space; there are %s", s, strings.Join(spaces, ", "))
			}
		}
	}
	places, err := rdf.LoadPlaces()
	if err != nil {
		return err
	}
	codes, err := rdf.LoadCodes()
	if err != nil {
		return err
	}
	for i, c := range filters["country"] {
		code, ok := places.Code(c)
		if !ok {
			code = strings.ToUpper(c)
		}
		filters["country"][i] = code
	}
	for i, l := range filters["licence"] {
		filters["licence"][i] = licence.ID(l)
	}
	for i, f := range filters["format"] {
		filters["format"][i] = strings.ToLower(f)
	}
	for i, t := range filters["theme"] {
		if !strings.Contains(t, ":") { // else an address
			filters["theme"][i] = strings.ToUpper(t)
		}
	}
	for i, l := range filters["language"] {
		if tag, ok := codes.LanguageTag(l); ok {
			filters["language"][i] = tag
		}
	}
	return nil
}

// inOrder refuses days that are the wrong way round.
func inOrder(q *index.Query) error {
	n := min(len(q.From), len(q.To)) // YYYY overlaps YYYY-MM
	if from, to := q.From[:n], q.To[:n]; from > to &&
		!strings.ContainsFunc(from+to, func(r rune) bool { return r != '-' && (r < '0' || r > '9') }) {
		return schemas.BadField("search", "from", "from %s is after to %s", q.From, q.To)
	}
	return nil
}

// MarkFacet counts marks over every hit, also those that access= leaves out, so that
// a reader sees what else there is.
func MarkFacet(marks map[schemas.Mark]int) schemas.Facet {
	f := schemas.Facet{Values: []schemas.FacetValue{}}
	for _, m := range []schemas.Mark{schemas.MarkNow, schemas.MarkAsk, schemas.MarkNo, schemas.MarkElsewhere} {
		if marks[m] > 0 {
			f.Values = append(f.Values, schemas.FacetValue{Value: string(m), Count: marks[m]})
		}
	}
	return f
}
