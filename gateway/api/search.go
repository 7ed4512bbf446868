package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"guichet/catalog/index"
	"guichet/connectors/dcatap/licence"
	"guichet/connectors/rdf"
	"guichet/gateway/api/hit"
	"guichet/policy"
	"guichet/policy/agreement/usage"
	"guichet/schemas"
)

// searchQuery is a search with its filters and the use that marks are for.
type searchQuery struct {
	Caller
	Q          string `query:"q" maxLength:"512" doc:"words and \"phrases\"; all must be found"`
	Space      string `query:"space" doc:"alternatives separated by commas, as for every filter"`
	Theme      string `query:"theme"`
	Country    string `query:"country"`
	Language   string `query:"language"`
	Publisher  string `query:"publisher"`
	Licence    string `query:"licence"`
	Format     string `query:"format"`
	Provider   string `query:"provider"`
	Column     string `query:"column"`
	Unit       string `query:"unit"`
	From       string `query:"from" doc:"datasets whose time reaches this day or later"`
	To         string `query:"to"`
	Access     string `query:"access" doc:"only hits with these marks: now, ask, no, elsewhere; at most 10,000 hits are judged"`
	Purpose    string `query:"purpose" doc:"marks tell what is allowed for it"`
	Project    string `query:"project" doc:"marks tell what is allowed for it"`
	Action     string `query:"action" doc:"marks tell whether this is allowed: use, read or train; when left out what the purpose does with data"`
	Sort       string `query:"sort" enum:",modified,title" doc:"the best match when left out; modified: newest first"`
	Facets     string `query:"facets" doc:"names separated by commas; access counts the marks"`
	FacetLimit int    `query:"facet_limit" minimum:"1" maximum:"1000" default:"10"`
	Cursor     string `query:"cursor"`
	Limit      int    `query:"limit" minimum:"1" maximum:"1000" default:"20"`
}

// found is the answer to a search.
type found struct {
	Link string `header:"Link"`
	Body schemas.Found
}

// search is the one search over all spaces.
func (s *server) search(a huma.API) {
	op(s, a, operation{http.MethodGet, "/datasets", "search-datasets", "datasets", "Search datasets of all spaces"}, s.find)
	op(s, a, operation{http.MethodGet, "/spaces", "list-spaces", "datasets",
		"Data spaces"}, func(_ context.Context, _ *struct{ Caller }) (*List[schemas.SpaceProfile], error) {
		return listOf(s.Catalog.Spaces, ""), nil
	})
}

// find answers a search with marks: what each dataset found would mean to the caller,
// and why.
func (s *server) find(ctx context.Context, in *searchQuery) (*found, error) {
	q := index.Query{
		Words:      in.Q,
		Filters:    map[string][]string{},
		From:       in.From,
		To:         in.To,
		FacetLimit: in.FacetLimit,
		Sort:       in.Sort,
		Limit:      in.Limit,
	}
	for name, value := range map[string]string{"space": in.Space, "theme": in.Theme, "country": in.Country, "language": in.Language,
		"publisher": in.Publisher,
		"licence":   in.Licence, "format": in.Format, "provider": in.Provider, "column": in.Column, "unit": in.Unit} {
		if value != "" {
			q.Filters[name] = strings.Split(value, ",")
		}
	}
	err := closedFilters(&q, s.Catalog.Spaces)
	if err != nil {
		return nil, err
	}
	q.After, err = index.ParseCursor(&q, in.Cursor)
	if err != nil {
		return nil, err
	}
	if in.Facets != "" {
		q.Facets = strings.Split(in.Facets, ",")
	}
	sight := policy.SightOf(in.by)
	if in.Access != "" || slices.Contains(q.Facets, "access") {
		return s.findMarked(ctx, in, q, sight)
	}
	r, err := s.Index.Search(ctx, q, sight)
	if err != nil {
		return nil, err
	}
	out := &found{Body: schemas.Found{Total: r.Total, Items: []schemas.Hit{}, Facets: r.Facets}}
	if r.Total == 0 && in.Cursor == "" {
		out.Body.Near, err = s.Index.Near(ctx, q)
		if err != nil {
			return nil, err
		}
	}
	if len(q.Facets) == 0 {
		out.Body.Facets = nil
	}
	index.Label(out.Body.Facets, s.Catalog.Spaces)
	out.Body.Items, err = s.mark(ctx, in, r.IDs, sight)
	if err != nil {
		return nil, err
	}
	out.page(r.Next)
	return out, nil
}

// closedFilters refuses values of closed lists that are not in them, and days that
// are the wrong way round: they would find nothing, as if there were nothing. Countries and
// languages are written as the index has them. Themes and the like are open lists.
func closedFilters(q *index.Query, profiles []schemas.SpaceProfile) error {
	if wanted := q.Filters["space"]; len(wanted) > 0 {
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
	for i, c := range q.Filters["country"] {
		code, ok := places.Code(c)
		if !ok {
			code = strings.ToUpper(c)
		}
		q.Filters["country"][i] = code
	}
	for i, l := range q.Filters["licence"] {
		q.Filters["licence"][i] = licence.ID(l)
	}
	for i, l := range q.Filters["language"] {
		if tag, ok := codes.LanguageTag(l); ok {
			q.Filters["language"][i] = tag
		}
	}
	n := min(len(q.From), len(q.To)) // YYYY overlaps YYYY-MM
	if from, to := q.From[:n], q.To[:n]; from > to &&
		!strings.ContainsFunc(from+to, func(r rune) bool { return r != '-' && (r < '0' || r > '9') }) {
		return schemas.BadField("search", "from", "from %s is after to %s", q.From, q.To)
	}
	return nil
}

// page says where the next page begins; "" is nowhere.
func (f *found) page(next string) {
	f.Body.Next = next
	if next != "" {
		f.Link = `<?cursor=` + next + `>; rel="next"`
	}
}

// mark judges all hits in one evaluation.
func (s *server) mark(ctx context.Context, in *searchQuery, ids []schemas.DatasetID, sight schemas.Sight) ([]schemas.Hit, error) {
	sets, decisions, err := s.judge(ctx, in, ids, sight)
	if err != nil {
		return nil, err
	}
	facts, err := usage.Of(ctx, s.Agreements.DB, sets)
	if err != nil {
		return nil, err
	}
	hits := make([]schemas.Hit, len(sets))
	words := index.Parse(in.Q)
	for i, d := range sets {
		hits[i] = hit.Of(in.by, d, &decisions[i], facts[i])
		hits[i].Highlight = s.Index.Highlight(d, words)
	}
	return hits, nil
}

// maxJudged bounds the hits that a search by marks reads from the registry.
const maxJudged = 10_000

// findMarked searches by marks: every hit is judged, then filtered, counted, paged.
func (s *server) findMarked(ctx context.Context, in *searchQuery, q index.Query, sight schemas.Sight) (*found, error) {
	wanted := strings.Split(in.Access, ",")
	for _, m := range wanted {
		if in.Access != "" &&
			!slices.Contains([]schemas.Mark{schemas.MarkNow, schemas.MarkAsk, schemas.MarkNo, schemas.MarkElsewhere}, schemas.Mark(m)) {
			return nil, schemas.BadField("search", "access", "%q is not a mark; there are now, ask, no, elsewhere", m)
		}
	}
	behind, facets := q.After, q.Facets
	q.Facets, q.Limit, q.After = nil, maxJudged, nil
	r, err := s.Index.Search(ctx, q, sight)
	if err != nil {
		return nil, err
	}
	if r.Total > maxJudged {
		return nil, schemas.Errorf(schemas.TooLarge, "search",
			"%d datasets match; at most %d are judged at once: narrow the search by words or filters", r.Total, maxJudged)
	}
	f, err := s.attributes(ctx, in)
	if err != nil {
		return nil, err
	}
	all, err := s.Requests.Marks(ctx, f, sight, r.IDs)
	if err != nil {
		return nil, err
	}
	marks := map[schemas.Mark]int{}
	var kept []schemas.DatasetID
	var at []index.Position // of kept
	for i, m := range all {
		if m == "" { // changed since it was indexed
			continue
		}
		marks[m]++
		if in.Access == "" || slices.Contains(wanted, string(m)) {
			kept, at = append(kept, r.IDs[i]), append(at, r.Positions[i])
		}
	}
	out := &found{Body: schemas.Found{Total: uint64(len(kept)), Items: []schemas.Hit{}, Facets: map[string]schemas.Facet{}}}
	from := 0
	for from < len(kept) && !index.After(q.Sort, at[from], behind) {
		from++
	}
	to := min(from+in.Limit, len(kept))
	if to < len(kept) {
		out.page(index.Cursor(&q, at[to-1]))
	}
	hits, err := s.mark(ctx, in, kept[from:to], sight)
	if err != nil {
		return nil, err
	}
	for _, h := range hits {
		if in.Access == "" || slices.Contains(wanted, string(h.Access)) { // it may have changed since
			out.Body.Items = append(out.Body.Items, h)
		}
	}
	return out, s.countKept(ctx, in, q, sight, kept, marks, facets, out.Body.Facets)
}

// countKept counts the facets of a search by marks: the marks over every hit, all others over
// those that are kept.
func (s *server) countKept(
	ctx context.Context, in *searchQuery, q index.Query, sight schemas.Sight, kept []schemas.DatasetID, marks map[schemas.Mark]int,
	facets []string, out map[string]schemas.Facet,
) error {
	others := slices.DeleteFunc(slices.Clone(facets), func(name string) bool { return name == "access" })
	if len(others) > 0 {
		q.Facets, q.FacetLimit, q.Limit, q.Only = others, in.FacetLimit, 1, kept
		if q.Only == nil {
			q.Only = []schemas.DatasetID{} // none, not any
		}
		r, err := s.Index.Search(ctx, q, sight)
		if err != nil {
			return err
		}
		for name, f := range r.Facets {
			if f.Values == nil {
				f.Values = []schemas.FacetValue{}
			}
			out[name] = f
		}
	}
	if slices.Contains(facets, "access") {
		out["access"] = markFacet(marks)
	}
	index.Label(out, s.Catalog.Spaces)
	return nil
}

// markFacet counts marks over every hit, also those that access= leaves out, so that
// a reader sees what else there is.
func markFacet(marks map[schemas.Mark]int) schemas.Facet {
	f := schemas.Facet{Values: []schemas.FacetValue{}}
	for _, m := range []schemas.Mark{schemas.MarkNow, schemas.MarkAsk, schemas.MarkNo, schemas.MarkElsewhere} {
		if marks[m] > 0 {
			f.Values = append(f.Values, schemas.FacetValue{Value: string(m), Count: marks[m]})
		}
	}
	return f
}

// attributes gathers what marks depend on beside the datasets.
func (s *server) attributes(ctx context.Context, in *searchQuery) (policy.Attributes, error) {
	f, err := s.Requests.Attributes(ctx, in.by, schemas.ProjectID(in.Project), in.Purpose, "")
	f.Action = in.Action
	return f, err
}

// judge reads datasets from the registry and decides on them all in one evaluation.
func (s *server) judge(
	ctx context.Context, in *searchQuery, ids []schemas.DatasetID, sight schemas.Sight,
) ([]*schemas.Dataset, []schemas.Decision, error) {
	f, err := s.attributes(ctx, in)
	if err != nil {
		return nil, nil, err
	}
	var sets []*schemas.Dataset
	for _, id := range ids {
		d, err := s.Catalog.Get(ctx, sight, id)
		if schemas.KindOf(err) == schemas.NotFound {
			continue // changed since it was indexed: the registry is the truth
		}
		if err != nil {
			return nil, nil, err
		}
		sets = append(sets, &d)
	}
	decisions, err := s.Requests.Decide(ctx, f, sets)
	return sets, decisions, err
}
