package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"guichet/policy"
	"guichet/policy/party"
	"guichet/schemas"
)

// listQuery pages through nouns that have no filters.
type listQuery struct {
	Caller
	Paging
}

// projectQuery pages through projects.
type projectQuery struct {
	Caller
	Paging
	Own bool   `query:"own" doc:"only those that the caller's organisation takes part in, for officers and operators too"`
	ID  string `query:"id" doc:"only these: ids, separated by commas, 1000 at most"`
}

// participantPost makes or changes an organisation.
type participantPost struct {
	Caller
	IfMatch
	Body schemas.Participant
}

// projectPost makes or changes a project.
type projectPost struct {
	Caller
	IfMatch
	Body schemas.Project
}

// factoryPost makes or changes a factory.
type factoryPost struct {
	Caller
	IfMatch
	Body schemas.Factory
}

// storePost makes or changes a store.
type storePost struct {
	Caller
	IfMatch
	Unchecked bool `query:"unchecked" doc:"register it although it does not answer yet, or lacks a bucket"`
	Body      schemas.Store
}

// stopPost stops an organisation or lifts its stop, with a reason.
type stopPost struct {
	Caller
	ID   schemas.ParticipantID `path:"id" doc:"the participant's id, percent-encoded"`
	Body struct {
		Reason string `json:"reason" minLength:"3" maxLength:"4000"`
	}
}

// identityGet asks who the caller is taken for.
type identityGet struct{ Caller }

// identity is the answer to that.
type identity struct{ Body schemas.Identity }

// parties: a POST makes a noun, with If-Match it changes one.
func (s *server) parties(a huma.API) {
	op(s, a, operation{http.MethodGet, "/issuers", "list-issuers", "parties",
		"Where people sign in"}, func(context.Context, *struct{ Caller }) (*List[schemas.SignInAt], error) {
		return listOf(s.SignIns, ""), nil
	})
	op(s, a, operation{http.MethodGet, "/me", "get-me", "parties",
		"Who the gateway takes the caller for"}, func(_ context.Context, in *identityGet) (*identity, error) {
		if !in.by.SignedIn() {
			return nil, policy.Needs(in.by, schemas.RoleTrainer, "see who you are here")
		}
		return &identity{
			schemas.Identity{
				Issuer: in.by.Issuer, Subject: in.by.Subject, Participant: in.by.Participant, Roles: append([]schemas.Role{}, in.by.Roles...),
			},
		}, nil
	})
	op(s, a, operation{http.MethodPost, "/participants", "put-participant", "parties",
		"Make a participant, or change one with If-Match"}, func(ctx context.Context, in *participantPost) (*One[schemas.Participant], error) {
		revision, err := in.revision()
		if err != nil {
			return nil, err
		}
		p, err := s.Parties.PutParticipant(ctx, in.by, in.Body, revision)
		if err != nil {
			return nil, err
		}
		return made(p, p.Revision, ""), nil
	})
	op(s, a, operation{http.MethodGet, "/participants", "list-participants", "parties",
		"Participants"}, func(ctx context.Context, in *listQuery) (*List[schemas.Participant], error) {
		if !in.by.Has(schemas.RoleOfficer) {
			err := policy.Needs(in.by, schemas.RoleOperator, "list participants")
			if err != nil {
				return nil, err
			}
		}
		p, next, err := s.Parties.Participants(ctx, in.Cursor, in.Limit)
		return listOf(p, next), err
	})
	op(s, a, operation{http.MethodPost, "/participants/{id}/stop", "stop-participant", "parties",
		"Revoke everything of a participant: the operator any agreement, and bars it; a provider those on its datasets; a provider naming " +
			"itself everybody's on its datasets"},
		func(ctx context.Context, in *stopPost) (*One[schemas.Stopped], error) {
			r, err := s.Stops.Stop(ctx, in.by, in.ID, in.Body.Reason)
			return oneOr(r, 0, err)
		})
	op(s, a, operation{http.MethodPost, "/participants/{id}/unstop", "unstop-participant", "parties",
		"Lift the operator's stop of a participant; what was revoked stays revoked"},
		func(ctx context.Context, in *stopPost) (*One[schemas.Participant], error) {
			p, err := s.Stops.Unstop(ctx, in.by, in.ID, in.Body.Reason)
			return oneOr(p, p.Revision, err)
		})
}

// places are what participants work in: projects, factories, stores.
func (s *server) places(a huma.API) {
	op(s, a, operation{http.MethodPost, "/projects", "put-project", "parties",
		"Make a project, or change one with If-Match"}, func(ctx context.Context, in *projectPost) (*One[schemas.Project], error) {
		revision, err := in.revision()
		if err != nil {
			return nil, err
		}
		p, err := s.Parties.PutProject(ctx, in.by, in.Body, revision)
		if err != nil {
			return nil, err
		}
		return made(p, p.Revision, "/api/v1/projects/"+string(p.ID)), nil
	})
	op(s, a, operation{http.MethodGet, "/projects", "list-projects", "parties",
		"Projects that the caller takes part in"}, func(ctx context.Context, in *projectQuery) (*List[schemas.Project], error) {
		if !in.by.SignedIn() {
			return nil, policy.Needs(in.by, schemas.RoleTrainer, "list projects")
		}
		pick := party.Picked{Own: in.Own}
		for id := range strings.FieldsFuncSeq(in.ID, func(r rune) bool { return r == ',' }) {
			pick.IDs = append(pick.IDs, schemas.ProjectID(id))
		}
		p, next, err := s.Parties.Projects(ctx, in.by, pick, in.Cursor, in.Limit)
		return listOf(p, next), err
	})
	op(s, a, operation{http.MethodPost, "/factories", "put-factory", "parties",
		"Make an AI factory, or change one with If-Match"}, func(ctx context.Context, in *factoryPost) (*One[schemas.Factory], error) {
		revision, err := in.revision()
		if err != nil {
			return nil, err
		}
		in.Body.Proven = false // ours to say
		f, err := s.Parties.PutFactory(ctx, in.by, in.Body, revision)
		if err != nil {
			return nil, err
		}
		f = policy.ShownFactory(in.by, f)
		return made(f, f.Revision, ""), nil
	})
	op(s, a, operation{http.MethodGet, "/factories", "list-factories", "parties",
		"AI factories"}, func(ctx context.Context, in *listQuery) (*List[schemas.Factory], error) {
		f, next, err := s.Parties.Factories(ctx, in.Cursor, in.Limit)
		for i := range f {
			f[i] = policy.ShownFactory(in.by, f[i])
		}
		return listOf(f, next), err
	})
	op(s, a, operation{http.MethodPost, "/stores", "put-store", "parties",
		"Make a store with the prefixes of providers, or change one with If-Match"},
		func(ctx context.Context, in *storePost) (*One[schemas.Store], error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			err = s.refers(ctx, in.by, &in.Body)
			if err == nil && s.Reaches != nil && !in.Unchecked {
				err = s.Reaches(ctx, in.Body)
			}
			if err != nil {
				return nil, err
			}
			st, err := s.Parties.PutStore(ctx, in.by, in.Body, revision)
			if err != nil {
				return nil, err
			}
			return made(st, st.Revision, ""), nil
		})
	op(s, a, operation{http.MethodGet, "/stores", "list-stores", "parties",
		"Stores: all for operators, those with own prefixes for providers"},
		func(ctx context.Context, in *listQuery) (*List[schemas.Store], error) {
			st, next, err := s.Parties.Stores(ctx, in.by, in.Cursor, in.Limit)
			return listOf(st, next), err
		})
}

// refers checks that what a store refers to is there: a credential of the settings, and
// registered participants.
func (s *server) refers(ctx context.Context, by schemas.Principal, st *schemas.Store) error {
	err := policy.Needs(by, schemas.RoleOperator, "change stores") // before anything is told of who takes part
	if err != nil {
		return err
	}
	if s.HasCredential != nil && !s.HasCredential(st.CredentialRef) {
		e := schemas.BadField("store", "/credential_ref", "the gateway's settings have no credential %q", st.CredentialRef)
		e.Remedy = "add it under credentials in the settings, with its two key files, and start the gateway again"
		return e
	}
	for i, p := range st.Prefixes {
		_, err := s.Parties.Participant(ctx, p.Participant)
		if schemas.KindOf(err) == schemas.NotFound {
			return schemas.BadField("store", fmt.Sprintf("/prefixes/%d/participant", i), "there is no participant %q", p.Participant)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
