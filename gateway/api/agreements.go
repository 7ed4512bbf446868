package api

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"guichet/policy"
	"guichet/policy/agreement/lease"
	"guichet/policy/agreement/release"
	"guichet/schemas"
)

// agreementList asks for agreements, of one dataset or all.
type agreementList struct {
	Caller
	Paging
	Dataset     schemas.DatasetID     `query:"dataset"`
	Participant schemas.ParticipantID `query:"participant" doc:"whose agreements they are"`
}

// agreementID names an agreement in a path.
type agreementID struct {
	Caller
	ID schemas.AgreementID `path:"id"`
}

// revokePost ends an agreement, with the reason that the record keeps.
type revokePost struct {
	Caller
	ID   schemas.AgreementID `path:"id"`
	Body struct {
		Reason string `json:"reason" minLength:"3" maxLength:"4000"`
	}
}

// streamList asks for releases by what they belong to and how they stand.
type streamList struct {
	Caller
	Paging
	State     schemas.ReleaseState `query:"state" doc:"open (what flows now) when left out; all for every state" default:"open" enum:"open,complete,cut,broken,abandoned,unknown,by-url,all"`
	Agreement schemas.AgreementID  `query:"agreement"`
	Since     time.Time            `query:"since"`
}

// leasePost asks for a lease, or with a lease as token, or signed by a job key, for a narrower one.
type leasePost struct {
	Caller
	RawBody []byte
	Body    schemas.LeaseAsk
}

// jobKeyPost asks for a job key.
type jobKeyPost struct {
	Caller
	Body schemas.JobKeyAsk
}

// jobKeyList asks for job keys.
type jobKeyList struct {
	Caller
	Paging
}

// jobKeyID names a job key in a path.
type jobKeyID struct {
	Caller
	ID schemas.LeaseID `path:"id"`
}

// leaseRevoke ends a lease.
type leaseRevoke struct {
	Caller
	ID   schemas.LeaseID `path:"id"`
	Body struct {
		Reason string `json:"reason" minLength:"3" maxLength:"4000"`
	}
}

// runPost names a job.
type runPost struct {
	Caller
	Body struct {
		Project    schemas.ProjectID `json:"project"`
		Factory    schemas.FactoryID `json:"factory,omitempty"`
		ExternalID string            `json:"external_id,omitempty" maxLength:"256"`
	}
}

// runList asks for jobs.
type runList struct {
	Caller
	Paging
	Project schemas.ProjectID `query:"project"`
}

// runID names a job in a path.
type runID struct {
	Caller
	ID schemas.RunID `path:"id"`
}

// outputPost ties an output to a job.
type outputPost struct {
	Caller
	ID   schemas.RunID `path:"id"`
	Body schemas.Output
}

func (s *server) agreements(a huma.API) {
	op(s, a, operation{http.MethodGet, "/agreements", "list-agreements", "agreements",
		"Agreements of the caller or on the caller's datasets"}, func(ctx context.Context, in *agreementList) (*List[schemas.Agreement], error) {
		r, next, err := s.Agreements.List(ctx, in.by, in.Dataset, in.Participant, in.Cursor, in.Limit)
		if err == nil && len(r) == 0 && in.Dataset != "" && policy.SightOf(in.by).All {
			_, err = s.Catalog.Get(ctx, policy.SightOf(in.by), in.Dataset)
		}
		for i := range r {
			r[i] = policy.ShownAgreement(in.by, r[i])
		}
		return listOf(r, next), err
	})
	op(s, a, operation{http.MethodGet, "/agreements/{id}", "get-agreement", "agreements",
		"One agreement"}, func(ctx context.Context, in *agreementID) (*One[schemas.Agreement], error) {
		r, err := s.Agreements.Get(ctx, in.by, in.ID)
		if err != nil {
			return nil, err
		}
		return one(policy.ShownAgreement(in.by, r), r.Revision), nil
	})
	op(s, a, operation{http.MethodPost, "/agreements/{id}/revoke", "revoke-agreement", "agreements",
		"End an agreement at once; running streams are cut"}, func(ctx context.Context, in *revokePost) (*One[schemas.Agreement], error) {
		r, err := s.Stops.Revoke(ctx, in.by, in.ID, in.Body.Reason)
		if err != nil {
			return nil, err
		}
		return one(policy.ShownAgreement(in.by, r), r.Revision), nil
	})
	op(s, a, operation{http.MethodGet, "/streams", "list-streams", "agreements",
		"What flows now, or flowed"}, func(ctx context.Context, in *streamList) (*List[schemas.Release], error) {
		state := in.State
		if state == "all" {
			state = ""
		}
		r, next, err := s.Releases.List(ctx, in.by, release.Query{State: state, Agreement: in.Agreement, Since: in.Since}, in.Cursor, in.Limit)
		if err == nil && len(r) == 0 && in.Agreement != "" {
			_, err = s.Agreements.Get(ctx, in.by, in.Agreement)
		}
		return listOf(r, next), err
	})
}

// S3Key is a lease's key for S3 clients; nil where there is no S3 face.
func (d *Deps) S3Key(id schemas.LeaseID) *schemas.S3Key {
	if d.S3 == "" {
		return nil
	}
	accessKeyID, secret := d.Leases.S3KeyOf(id)
	return &schemas.S3Key{Endpoint: d.S3, Region: "us-east-1", AccessKeyID: accessKeyID, SecretAccessKey: secret}
}

// leases are the keys to byte doors: made, narrowed by whoever holds one, ended.
func (s *server) leases(a huma.API) {
	op(s, a, operation{http.MethodPost, "/leases", "mint-lease", "agreements",
		"A lease, the only key to byte doors; with a lease as bearer token, or signed by a job key: a narrower one"},
		func(ctx context.Context, in *leasePost) (*One[schemas.LeaseAnswer], error) {
			var l schemas.LeaseAnswer
			var err error
			switch {
			case lease.IsJobKey(in.lease):
				at, _ := netip.ParseAddr(in.address) // unknown ones lie nowhere
				l, err = s.Leases.MintSigned(ctx, in.lease, in.RawBody, at, in.Body)
			case in.lease != "":
				l, err = s.Leases.Attenuate(ctx, in.lease, in.Body)
			default:
				l, err = s.Leases.Mint(ctx, in.by, in.Body)
			}
			if err != nil {
				return nil, err
			}
			l.S3 = s.S3Key(l.Lease.ID)
			return made(l, 0, ""), nil
		})
	op(s, a, operation{http.MethodPost, "/leases/{id}/revoke", "revoke-lease", "agreements",
		"End a lease or a job key, and what was narrowed from it, at once; running streams are cut"},
		func(ctx context.Context, in *leaseRevoke) (*One[schemas.Lease], error) {
			l, err := s.Leases.Revoke(ctx, in.by, in.ID, in.Body.Reason)
			return oneOr(l, 0, err)
		})
	op(s, a, operation{http.MethodPost, "/job-keys", "register-job-key", "agreements",
		"Register the public half of a key with which a job makes leases for weeks, and nothing else"},
		func(ctx context.Context, in *jobKeyPost) (*One[schemas.Lease], error) {
			l, err := s.Leases.Register(ctx, in.by, in.Body)
			if err != nil {
				return nil, err
			}
			return made(l, 0, "/api/v1/job-keys/"+string(l.ID)), nil
		})
	op(s, a, operation{http.MethodGet, "/job-keys", "list-job-keys", "agreements",
		"Job keys of the caller's projects, ended ones for a day"}, func(ctx context.Context, in *jobKeyList) (*List[schemas.Lease], error) {
		r, next, err := s.Leases.JobKeys(ctx, in.by, in.Cursor, in.Limit)
		return listOf(r, next), err
	})
	op(s, a, operation{http.MethodGet, "/job-keys/{id}", "get-job-key", "agreements",
		"A job key"}, func(ctx context.Context, in *jobKeyID) (*One[schemas.Lease], error) {
		l, err := s.Leases.JobKey(ctx, in.by, in.ID)
		return oneOr(l, 0, err)
	})
	op(s, a, operation{http.MethodPost, "/runs", "start-run", "agreements",
		"Name a job of a project"}, func(ctx context.Context, in *runPost) (*One[schemas.Run], error) {
		r, err := s.Runs.Start(ctx, in.by, schemas.Run{Project: in.Body.Project, Factory: in.Body.Factory, ExternalID: in.Body.ExternalID})
		if err != nil {
			return nil, err
		}
		return made(r, r.Revision, "/api/v1/runs/"+string(r.ID)), nil
	})
	op(s, a, operation{http.MethodGet, "/runs", "list-runs", "agreements",
		"Runs of the caller's projects"}, func(ctx context.Context, in *runList) (*List[schemas.Run], error) {
		r, next, err := s.Runs.List(ctx, in.by, in.Project, in.Cursor, in.Limit)
		if err == nil && len(r) == 0 && in.Project != "" && policy.SightOf(in.by).All {
			_, err = s.Parties.Project(ctx, in.Project)
		}
		return listOf(r, next), err
	})
	op(s, a, operation{http.MethodGet, "/runs/{id}", "get-run", "agreements",
		"A run with what went into it and what came out"}, func(ctx context.Context, in *runID) (*One[schemas.Run], error) {
		r, err := s.Runs.GetWithInputs(ctx, in.by, in.ID)
		return oneOr(r, r.Revision, err)
	})
	op(s, a, operation{http.MethodPost, "/runs/{id}/end", "end-run", "agreements",
		"Say that a run is over: nothing is read in its name any more"}, func(ctx context.Context, in *runID) (*One[schemas.Run], error) {
		r, err := s.Runs.End(ctx, in.by, in.ID)
		return oneOr(r, r.Revision, err)
	})
	op(s, a, operation{http.MethodPost, "/runs/{id}/outputs", "add-output", "agreements",
		"Tie what came out to a run"}, func(ctx context.Context, in *outputPost) (*One[schemas.Run], error) {
		r, err := s.Runs.AddOutput(ctx, in.by, in.ID, in.Body)
		if err != nil {
			return nil, err
		}
		return made(r, r.Revision, ""), nil
	})
}
