package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"guichet/policy"
	"guichet/schemas"
)

// publicationPost begins a publication.
type publicationPost struct {
	Caller
	ID   schemas.DatasetID `path:"id"`
	Body schemas.Publication
}

// versionID names a version in a path.
type versionID struct {
	Caller
	ID      schemas.DatasetID `path:"id"`
	Version schemas.VersionID `path:"version"`
}

// versionDelete takes a version back.
type versionDelete struct {
	Caller
	ID      schemas.DatasetID `path:"id"`
	Version schemas.VersionID `path:"version"`
	Revoke  bool              `query:"revoke" doc:"revoke active agreements that were made on the version too"`
}

// VersionShown is a version as everybody who sees the dataset may read it: its tables
// with their columns and splits, without the places of the bytes.
type VersionShown struct {
	schemas.VersionSummary
	Data []TableShown `json:"data,omitempty" doc:"tables, once it is published"`
}

// TableShown is a table of a version without its schema and shards.
type TableShown struct {
	Name    string                `json:"name"`
	Objects bool                  `json:"objects,omitempty" doc:"files that are given as they are: a row of a split is one of them"`
	Columns []schemas.TableColumn `json:"columns"`
	Splits  []SplitShown          `json:"splits"`
}

// SplitShown counts what a split has.
type SplitShown struct {
	Name   string `json:"name"`
	Shards int    `json:"shards"`
	Rows   int64  `json:"rows,omitempty" doc:"absent where the terms hide rows from the caller"`
}

func shownVersion(v *schemas.Version) VersionShown {
	out := VersionShown{VersionSummary: v.VersionSummary}
	if v.State != schemas.VersionPublished && v.State != schemas.VersionTried {
		return out
	}
	for i := range v.Data {
		t := TableShown{Name: v.Data[i].Name, Objects: v.Data[i].Objects, Columns: v.Data[i].Columns, Splits: []SplitShown{}}
		if t.Columns == nil {
			t.Columns = []schemas.TableColumn{}
		}
		for _, s := range v.Data[i].Splits {
			t.Splits = append(t.Splits, SplitShown{s.Name, len(s.Shards), s.Rows()})
		}
		out.Data = append(out.Data, t)
	}
	return out
}

// versions are publications: begun, watched, read, taken back.
func (s *server) versions(a huma.API) {
	op(s, a, operation{http.MethodPost, "/datasets/{id}/versions", "publish-version", "datasets",
		"Publish a version from objects in a store"}, func(ctx context.Context, in *publicationPost) (*One[schemas.VersionSummary], error) {
		err := s.changes(ctx, in.by, "publish a version")
		if err != nil {
			return nil, err
		}
		err = s.bucket(ctx, in)
		if err != nil {
			return nil, err
		}
		v, err := s.Publisher.Publish(ctx, in.by, in.ID, in.Body)
		if err != nil {
			return nil, err
		}
		return &One[schemas.VersionSummary]{
			Status: http.StatusAccepted, Location: "/api/v1/datasets/" + string(in.ID) + "/versions/" + string(v.Version), Body: v,
		}, nil
	})
	op(s, a, operation{http.MethodGet, "/datasets/{id}/versions", "list-versions", "datasets",
		"Versions of a dataset, newest first"}, func(ctx context.Context, in *datasetID) (*List[schemas.VersionSummary], error) {
		d, err := s.Catalog.Get(ctx, policy.SightOf(in.by), in.ID)
		if err != nil {
			return nil, err
		}
		v, err := s.Catalog.Versions(ctx, policy.SightOf(in.by), in.ID)
		if err != nil {
			return nil, err
		}
		for i := range v {
			v[i] = policy.ShownVersion(in.by, &d, v[i])
		}
		own, err := s.owns(ctx, in.by, in.ID)
		if err != nil {
			return nil, err
		}
		if !own { // what is not published yet, and faults, are the provider's business
			v = slices.DeleteFunc(v, func(s schemas.VersionSummary) bool { return s.State != schemas.VersionPublished })
			for i := range v {
				v[i].Notes = nil
			}
		}
		return listOf(v, ""), nil
	})
	op(s, a, operation{http.MethodGet, "/datasets/{id}/versions/{version}", "get-version", "datasets",
		"One version with its progress"}, func(ctx context.Context, in *versionID) (*One[VersionShown], error) {
		d, err := s.Catalog.Get(ctx, policy.SightOf(in.by), in.ID)
		if err != nil {
			return nil, err
		}
		v, err := s.Catalog.Version(ctx, in.ID, in.Version)
		if err != nil {
			return nil, err
		}
		own, err := s.owns(ctx, in.by, in.ID)
		if err != nil {
			return nil, err
		}
		if !own {
			if v.State != schemas.VersionPublished {
				return nil, schemas.Errorf(schemas.NotFound, string(in.Version), "dataset %s has no version %s", in.ID, in.Version)
			}
			v.Notes = nil
		}
		out := shownVersion(&v)
		if policy.HidesRows(in.by, &d) {
			out.VersionSummary = policy.ShownVersion(in.by, &d, out.VersionSummary)
			for i := range out.Data {
				for j := range out.Data[i].Splits {
					out.Data[i].Splits[j].Rows = 0
				}
			}
		}
		return one(out, 0), nil
	})
	op(s, a, operation{http.MethodDelete, "/datasets/{id}/versions/{version}", "withdraw-version", "datasets",
		"Withdraw a version, or give up its publication"}, func(ctx context.Context, in *versionDelete) (*One[schemas.VersionSummary], error) {
		return s.withdrawVersion(ctx, in)
	})
	op(s, a, operation{http.MethodGet, "/datasets/{id}/versions/{version}/manifest", "get-version-manifest", "datasets",
		"The whole manifest, for the provider"}, func(ctx context.Context, in *versionID) (*One[schemas.Version], error) {
		_, err := s.Catalog.Own(ctx, in.by, in.ID) // keys and buckets are the provider's own business
		if err != nil {
			return nil, err
		}
		v, err := s.Catalog.Manifest(ctx, in.ID, in.Version)
		return oneOr(v, 0, err)
	})
}

// withdrawVersion refuses while agreements that were made on the version stand, unless
// they are to be revoked too; other versions and the agreements on them stand.
func (s *server) withdrawVersion(ctx context.Context, in *versionDelete) (*One[schemas.VersionSummary], error) {
	err := policy.Needs(in.by, schemas.RoleProvider, "withdraw a version")
	if err != nil {
		return nil, err
	}
	_, err = s.Catalog.Own(ctx, in.by, in.ID)
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx) // both halves are done, whoever hangs up
	n, err := s.Stops.ActiveOnVersion(ctx, in.ID, in.Version)
	if err != nil {
		return nil, err
	}
	if n > 0 && !in.Revoke {
		return nil, standing(string(in.ID), n, fmt.Sprintf("made on version %s", in.Version))
	}
	v, err := s.Publisher.WithdrawVersion(ctx, in.by, in.ID, in.Version) // first, so that no new agreement comes between
	if schemas.KindOf(err) == schemas.Gone && in.Revoke {                // an earlier call was cut off between its halves
		var was schemas.Version
		was, err = s.Catalog.Version(ctx, in.ID, in.Version)
		v = was.VersionSummary
	}
	if err == nil && v.State == schemas.VersionWithdrawn {
		err = s.Stops.RevokeOnVersion(ctx, in.by, in.ID, in.Version, fmt.Sprintf("version %s was withdrawn", in.Version))
	}
	return oneOr(v, 0, err)
}

// standing refuses a withdrawal while agreements stand.
func standing(subject string, n int, which string) error {
	message := fmt.Sprintf("1 agreement %s is active", which)
	if n > 1 {
		message = fmt.Sprintf("%d agreements %s are active", n, which)
	}
	return &schemas.Error{
		Kind: schemas.Conflict, Subject: subject, Message: message,
		Remedy: "revoke them first, or withdraw and revoke at once: guichet withdraw --revoke, or ?revoke=true",
	}
}

// owns says whether a dataset is the caller's own.
func (s *server) owns(ctx context.Context, by schemas.Principal, id schemas.DatasetID) (bool, error) {
	_, err := s.Catalog.Own(ctx, by, id)
	switch schemas.KindOf(err) {
	case schemas.NotFound, schemas.Denied, schemas.Unauthenticated, schemas.Conflict: // a harvested one is nobody's
		return false, nil
	}
	return err == nil, err
}

// bucket fills in the only bucket that the provider has in a store, and the only
// store.
func (s *server) bucket(ctx context.Context, in *publicationPost) error {
	if in.Body.Uploaded {
		return nil
	}
	stores, _, err := s.Parties.Stores(ctx, in.by, "", 1000)
	if err != nil {
		return err
	}
	var found []schemas.Prefix
	for _, st := range stores {
		if in.Body.Store != "" && st.ID != in.Body.Store {
			continue
		}
		for _, p := range st.Prefixes {
			if p.Participant == in.by.Participant && (in.Body.Bucket == "" || in.Body.Bucket == p.Bucket) {
				found = append(found, p)
				if in.Body.Store == "" {
					in.Body.Store = st.ID
				}
			}
		}
	}
	if len(found) > 0 && in.Body.Bucket == "" {
		in.Body.Bucket = found[0].Bucket
	}
	return nil
}
