package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"guichet/catalog/index"
	"guichet/policy"
	"guichet/schemas"
)

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
	Purpose    string `query:"purpose" doc:"marks tell what is allowed for it"`
	Project    string `query:"project" doc:"marks tell what is allowed for it"`
	Sort       string `query:"sort" enum:",modified"`
	Facets     string `query:"facets" doc:"names separated by commas"`
	FacetLimit int    `query:"facet_limit" minimum:"1" maximum:"1000" default:"10"`
	Cursor     string `query:"cursor"`
	Limit      int    `query:"limit" minimum:"1" maximum:"1000" default:"20"`
}

// Hit is one dataset found, with its mark.
type Hit struct {
	ID          schemas.DatasetID     `json:"id"`
	Title       schemas.Text          `json:"title"`
	Space       schemas.SpaceID       `json:"space"`
	Publisher   string                `json:"publisher,omitempty"`
	Provider    schemas.ParticipantID `json:"provider"`
	Licence     string                `json:"licence,omitempty"`
	Attribution string                `json:"attribution,omitempty"`
	Countries   []string              `json:"countries,omitempty"`
	Rows        int64                 `json:"rows,omitempty"`
	Bytes       int64                 `json:"bytes,omitempty"`
	Version     schemas.VersionID     `json:"version,omitempty"`
	Access      schemas.Mark          `json:"access" enum:"now,ask,no,elsewhere"`
	Reasons     []schemas.Reason      `json:"reasons,omitempty" doc:"why"`
	Links       []schemas.Link        `json:"links,omitempty" doc:"for elsewhere: where it is held"`
	Highlight   map[string]string     `json:"highlight,omitempty" doc:"field to the text around what was found, marked by **"`
}

// Found is what a search answers.
type Found struct {
	Total  uint64                 `json:"total"`
	Items  []Hit                  `json:"items"`
	Facets map[string]index.Facet `json:"facets,omitempty"`
	Next   string                 `json:"next,omitempty"`
}

type found struct {
	Link string `header:"Link"`
	Body Found
}

func (s *server) search(a huma.API) {
	op(s, a, http.MethodGet, "/datasets", "search-datasets", "Search datasets of all spaces", "datasets", s.find)
	op(s, a, http.MethodGet, "/spaces", "list-spaces", "Data spaces", "datasets", func(_ context.Context, _ *struct{ Caller }) (*List[schemas.SpaceProfile], error) {
		p, err := schemas.SpaceProfiles()
		return listOf(p, ""), err
	})
}

func (s *server) find(ctx context.Context, in *searchQuery) (*found, error) {
	offset, err := offsetOf(in.Cursor)
	if err != nil {
		return nil, err
	}
	q := index.Query{Words: in.Q, Filters: map[string][]string{}, From: in.From, To: in.To, FacetLimit: in.FacetLimit, Sort: in.Sort, Offset: offset, Limit: in.Limit}
	for name, value := range map[string]string{"space": in.Space, "theme": in.Theme, "country": in.Country, "language": in.Language, "publisher": in.Publisher,
		"licence": in.Licence, "format": in.Format, "provider": in.Provider, "column": in.Column, "unit": in.Unit} {
		if value != "" {
			q.Filters[name] = strings.Split(value, ",")
		}
	}
	if in.Facets != "" {
		q.Facets = strings.Split(in.Facets, ",")
	}
	sight := policy.SightOf(in.by)
	r, err := s.Index.Search(ctx, q, sight)
	if err != nil {
		return nil, err
	}
	out := &found{Body: Found{Total: r.Total, Items: []Hit{}, Facets: r.Facets}}
	if len(q.Facets) == 0 {
		out.Body.Facets = nil
	}
	out.Body.Items, err = s.mark(ctx, in, r.IDs, sight)
	if err != nil {
		return nil, err
	}
	if next := offset + in.Limit; uint64(next) < r.Total {
		out.Body.Next = base64.RawURLEncoding.EncodeToString([]byte("o" + strconv.Itoa(next)))
		out.Link = `<?cursor=` + out.Body.Next + `>; rel="next"`
	}
	return out, nil
}

func offsetOf(cursor string) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil && len(b) > 1 && b[0] == 'o' {
		var n int
		n, err = strconv.Atoi(string(b[1:]))
		if err == nil && n >= 0 {
			return n, nil
		}
	}
	return 0, schemas.BadField("search", "cursor", "this is no cursor of ours; take next as it came")
}

// mark judges all hits in one evaluation.
func (s *server) mark(ctx context.Context, in *searchQuery, ids []schemas.DatasetID, sight schemas.Sight) ([]Hit, error) {
	f, err := s.Desk.Facts(ctx, in.by, schemas.ProjectID(in.Project), in.Purpose, "")
	if err != nil {
		return nil, err
	}
	var sets []*schemas.Dataset
	for _, id := range ids {
		d, err := s.Catalog.Get(ctx, sight, id)
		if schemas.KindOf(err) == schemas.NotFound {
			continue // changed since it was indexed: the registry is the truth
		}
		if err != nil {
			return nil, err
		}
		sets = append(sets, &d)
	}
	decisions, err := s.Desk.Decide(ctx, f, sets)
	if err != nil {
		return nil, err
	}
	hits := make([]Hit, len(sets))
	words := index.Parse(in.Q)
	for i, d := range sets {
		hits[i] = hit(d, &decisions[i])
		hits[i].Highlight = s.Index.Highlight(d, words)
	}
	return hits, nil
}

func hit(d *schemas.Dataset, dec *schemas.Decision) Hit {
	h := Hit{ID: d.ID, Title: d.Title, Space: d.Space, Publisher: d.Publisher, Provider: d.Provider, Licence: d.Licence, Attribution: d.Attribution,
		Countries: d.Countries, Reasons: dec.Reasons}
	if d.Latest != nil {
		h.Rows, h.Bytes, h.Version = d.Latest.Rows, d.Latest.Bytes, d.Latest.Version
	}
	switch {
	case d.Latest == nil && len(d.Links) > 0:
		h.Access, h.Links, h.Reasons = schemas.MarkElsewhere, d.Links, []schemas.Reason{{Rule: "dataset.elsewhere", Source: "the catalogue", Text: "known here, held elsewhere", Remedy: "follow the link to its holder"}}
	case dec.Verdict == schemas.VerdictYes:
		h.Access = schemas.MarkNow
	case dec.Verdict == schemas.VerdictReview:
		h.Access = schemas.MarkAsk
	default:
		h.Access = schemas.MarkNo
	}
	return h
}
