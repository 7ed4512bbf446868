package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"guichet/catalog/index"
	"guichet/gateway/api/hit"
	"guichet/gateway/api/search"
	"guichet/policy"
	"guichet/policy/agreement/usage"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

// searchQuery is a search.
type searchQuery struct {
	Caller
	search.Parameters
}

// found is the answer to a search.
type found struct {
	Link string `header:"Link"`
	Body schemas.Found
}

// search is the one search over all spaces.
func (s *server) search(a huma.API) {
	op(s, a, operation{http.MethodGet, "/datasets", "search-datasets", "datasets", "Search datasets of all spaces"}, s.find)
	op(s, a, operation{http.MethodGet, "/suggestions", "suggest-searches", "datasets",
		"Searches that begin with some words and find something, of what everybody may see"}, s.suggest)
	op(s, a, operation{http.MethodGet, "/spaces", "list-spaces", "datasets",
		"Data spaces"}, func(_ context.Context, _ *struct{ Caller }) (*List[schemas.SpaceProfile], error) {
		return listOf(s.Catalog.Spaces, ""), nil
	})
	op(s, a, operation{http.MethodGet, "/spaces/{id}/request-form", "get-request-form", "requests",
		"What a request in a data space is asked, beside its datasets"}, func(_ context.Context, in *struct {
		Caller
		ID schemas.SpaceID `path:"id"`
	}) (*One[spaces.Form], error) {
		f, is := s.Forms[in.ID]
		if !is {
			return nil, schemas.Errorf(schemas.NotFound, string(in.ID), "there is no data space %s with a form", in.ID)
		}
		return one(f, 0), nil
	})
}

// suggest completes the last word of a search.
func (s *server) suggest(ctx context.Context, in *struct {
	Caller
	Q     string `query:"q" required:"true" maxLength:"512" doc:"words; the last one has three letters or more"`
	Limit int    `query:"limit" minimum:"1" maximum:"20" default:"8"`
}) (*List[schemas.Near], error) {
	near, err := s.Index.Suggest(ctx, in.Q, in.Limit, func(ctx context.Context, id schemas.DatasetID) (schemas.Dataset, error) {
		return s.Catalog.Get(ctx, schemas.Sight{Everyone: true}, id)
	})
	return listOf(near, ""), err
}

// find answers a search with marks: what each dataset found would mean to the caller,
// and why.
func (s *server) find(ctx context.Context, in *searchQuery) (*found, error) {
	q, err := in.Query(s.Catalog.Spaces)
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
	if in.Brief && (in.Access != "" || slices.Contains(q.Facets, "access")) {
		return nil, schemas.BadField("search", "brief", "nothing is judged for it, so it goes with no marks: leave out access")
	}
	if in.Access != "" || slices.Contains(q.Facets, "access") {
		return s.findMarked(ctx, in, q, sight)
	}
	r, err := s.Index.Search(ctx, q, sight)
	if err != nil {
		return nil, err
	}
	out := &found{Body: schemas.Found{Total: r.Total, Without: r.Without, Notes: r.Notes, Items: []schemas.Hit{}, Facets: r.Facets}}
	if r.Total == 0 && in.Cursor == "" {
		s.sought(in, &q)
		err = s.nothing(ctx, q, sight, &out.Body)
		if err != nil {
			return nil, err
		}
	}
	if len(q.Facets) == 0 {
		out.Body.Facets = nil
	}
	index.Label(out.Body.Facets, s.Catalog.Spaces)
	out.Body.Items, err = s.mark(ctx, in, &q, r.IDs, sight)
	if err != nil {
		return nil, err
	}
	out.page(r.Next)
	return out, nil
}

// sought tells of a search of an organisation that found nothing. Strangers do not count: what tells them apart, their
// addresses, is one person's on some days and another one's for the asking.
func (s *server) sought(in *searchQuery, q *index.Query) {
	if s.Sought == nil || in.by.Participant == "" {
		return
	}
	space := ""
	if of := append(slices.Clone(q.Filters["space"]), q.Typed["space"]...); len(of) == 1 {
		space = of[0]
	}
	s.Sought(string(in.by.Participant), in.Q, schemas.SpaceID(space))
}

// nothing says what is near to a search that found nothing, and which of its filters nothing passes.
func (s *server) nothing(ctx context.Context, q index.Query, sight schemas.Sight, out *schemas.Found) error {
	unheld, err := s.Index.Unheld(ctx, q, sight)
	if err != nil {
		return err
	}
	out.Notes = append(out.Notes, unheld...)
	out.Near, err = s.Index.Near(ctx, q)
	return err
}

// page says where the next page begins; "" is nowhere.
func (f *found) page(next string) {
	f.Body.Next = next
	if next != "" {
		f.Link = `<?cursor=` + next + `>; rel="next"`
	}
}

// mark judges all hits in one evaluation.
func (s *server) mark(
	ctx context.Context, in *searchQuery, q *index.Query, ids []schemas.DatasetID, sight schemas.Sight,
) ([]schemas.Hit, error) {
	sets, decisions, err := s.judge(ctx, in, ids, sight)
	if err != nil {
		return nil, err
	}
	hits := make([]schemas.Hit, len(sets))
	if in.Brief {
		for i, d := range sets {
			hits[i] = hit.Of(in.by, d, &schemas.Decision{}, schemas.Facts{})
			hits[i].Access, hits[i].Reasons, hits[i].Links = "", nil, nil
		}
		return hits, nil
	}
	facts, err := usage.Of(ctx, s.Agreements.DB, sets)
	if err != nil {
		return nil, err
	}
	highlight := s.Index.Highlighter(q)
	for i, d := range sets {
		hits[i] = hit.Of(in.by, d, &decisions[i], facts[i])
		hits[i].Highlight = highlight(d)
	}
	return hits, s.origins(ctx, sight, hits)
}

// maxJudged bounds the hits that a search by marks reads from the registry.
const maxJudged = 10_000

// findMarked searches by marks: each dataset is judged by itself, then those with the wanted marks
// are found, so that of the same data in several catalogues one of these stands for all.
func (s *server) findMarked(ctx context.Context, in *searchQuery, q index.Query, sight schemas.Sight) (*found, error) {
	wanted := strings.Split(in.Access, ",")
	for _, m := range wanted {
		if in.Access != "" &&
			!slices.Contains([]schemas.Mark{schemas.MarkNow, schemas.MarkAsk, schemas.MarkNo, schemas.MarkElsewhere}, schemas.Mark(m)) {
			return nil, schemas.BadField("search", "access", "%q is not a mark; there are now, ask, no, elsewhere", m)
		}
	}
	joined := q
	joined.Facets, joined.Limit, joined.After = nil, maxJudged, nil
	apart := joined
	apart.Apart = true
	r, err := s.Index.Search(ctx, apart, sight)
	if err != nil {
		return nil, err
	}
	if r.Total == 0 && in.Cursor == "" {
		s.sought(in, &q)
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
	of := map[schemas.DatasetID]schemas.Mark{}
	facets := q.Facets
	q.Only = []schemas.DatasetID{} // none, not any
	for i, m := range all {
		if m == "" { // changed since it was indexed
			continue
		}
		of[r.IDs[i]] = m
		if in.Access == "" || slices.Contains(wanted, string(m)) {
			q.Only = append(q.Only, r.IDs[i])
		}
	}
	q.Facets = slices.DeleteFunc(slices.Clone(facets), func(name string) bool { return name == "access" })
	r, err = s.Index.Search(ctx, q, sight)
	if err != nil {
		return nil, err
	}
	out := &found{Body: schemas.Found{Total: r.Total, Without: r.Without, Notes: r.Notes, Items: []schemas.Hit{}, Facets: r.Facets}}
	for name, f := range out.Body.Facets {
		if f.Values == nil {
			f.Values = []schemas.FacetValue{}
			out.Body.Facets[name] = f
		}
	}
	if slices.Contains(facets, "access") {
		marks := map[schemas.Mark]int{}
		r, err := s.Index.Search(ctx, joined, sight)
		if err != nil {
			return nil, err
		}
		for _, id := range r.IDs {
			marks[of[id]]++
		}
		out.Body.Facets["access"] = search.MarkFacet(marks)
	}
	index.Label(out.Body.Facets, s.Catalog.Spaces)
	hits, err := s.mark(ctx, in, &q, r.IDs, sight)
	if err != nil {
		return nil, err
	}
	for _, h := range hits {
		if in.Access == "" || slices.Contains(wanted, string(h.Access)) { // it may have changed since
			out.Body.Items = append(out.Body.Items, h)
		}
	}
	out.page(r.Next)
	return out, nil
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
	if in.Brief {
		return sets, nil, nil
	}
	decisions, err := s.Requests.Decide(ctx, f, sets)
	return sets, decisions, err
}
