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
	Q string `query:"q" required:"true" maxLength:"512" doc:"words; the last one has three letters or more"`
}) (*List[schemas.Near], error) {
	near, err := s.Index.Suggest(ctx, in.Q)
	if err != nil {
		return nil, err
	}
	return listOf(near, ""), nil
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
	if in.Access != "" || slices.Contains(q.Facets, "access") {
		return s.findMarked(ctx, in, q, sight)
	}
	r, err := s.Index.Search(ctx, q, sight)
	if err != nil {
		return nil, err
	}
	out := &found{Body: schemas.Found{Total: r.Total, Without: r.Without, Items: []schemas.Hit{}, Facets: r.Facets}}
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
	out.Body.Items, err = s.mark(ctx, in, &q, r.IDs, sight)
	if err != nil {
		return nil, err
	}
	out.page(r.Next)
	return out, nil
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
	facts, err := usage.Of(ctx, s.Agreements.DB, sets)
	if err != nil {
		return nil, err
	}
	hits := make([]schemas.Hit, len(sets))
	highlight := s.Index.Highlighter(q)
	for i, d := range sets {
		hits[i] = hit.Of(in.by, d, &decisions[i], facts[i])
		hits[i].Highlight = highlight(d)
	}
	return hits, s.origins(ctx, sight, hits)
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
	out := &found{Body: schemas.Found{
		Total: uint64(len(kept)), Without: r.Without, Items: []schemas.Hit{}, Facets: map[string]schemas.Facet{},
	}}
	from := 0
	for from < len(kept) && !index.After(q.Sort, at[from], behind) {
		from++
	}
	to := min(from+in.Limit, len(kept))
	if to < len(kept) {
		out.page(index.Cursor(&q, at[to-1]))
	}
	hits, err := s.mark(ctx, in, &q, kept[from:to], sight)
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
		out["access"] = search.MarkFacet(marks)
	}
	index.Label(out, s.Catalog.Spaces)
	return nil
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
