// Package join is the API of joining: people ask to join with an organisation, operators answer, members invite
// colleagues and remove them.
//
// In: operations of the API, with who calls. Out: what the desk answers, as the API writes it. Always: a secret
// stands in a body, never in an address, which proxies log. It must not decide who may do what.
//
//	/joining, /applications          how one's own application stands; those that wait, for operators
//	/applications/{id}/answer        the operator's word
//	/organisation, …/removals        members and open invitations; a member removed
//	/invitations, …/look, …/accept   made, looked at, accepted: the secret is in the body of each
package join

import (
	"context"
	"net/http"

	"guichet/gateway/api"
	"guichet/policy/join"
	"guichet/schemas"
)

// application asks to join.
type application struct {
	api.Caller
	Body join.Declared
}

// applications lists those of a state.
type applications struct {
	api.Caller
	api.Paging
	State string `query:"state" doc:"waiting, confirmed, refused or withdrawn; all when left out"`
}

// one names an application or an invitation.
type one struct {
	api.Caller
	ID string `path:"id"`
}

// answer is the operator's word on one.
type answer struct {
	api.Caller
	ID   string `path:"id"`
	Body join.Answer
}

// invitation makes one.
type invitation struct {
	api.Caller
	Body join.InvitationAsk
}

// held is an invitation by its secret.
type held struct {
	api.Caller
	Body struct {
		Secret string `json:"secret" minLength:"1" maxLength:"100" doc:"the end of the invitation's link"`
	}
}

// organisation is one's own, or for operators any.
type organisation struct {
	api.Caller
	Participant schemas.ParticipantID `query:"participant" doc:"for operators: which; one's own when left out"`
}

// removal removes a member.
type removal struct {
	api.Caller
	Body join.Removal
}

// Operations are those of a desk; public is the site's address for the world, "" where none was set.
func Operations(d *join.Desk, public string) func(*api.Operations) {
	return func(o *api.Operations) {
		asks(o, d)
		invites(o, d, public)
	}
}

// answered is what an operation answers; the status is its own.
func answered[T any](status int, v T, err error) (*api.One[T], error) {
	if err != nil {
		return nil, err
	}
	return &api.One[T]{Status: status, Body: v}, nil
}

// asks are about applications.
func asks(o *api.Operations, d *join.Desk) {
	const tag = "joining"
	api.Add(o, http.MethodGet, "/joining", "get-joining", tag,
		"How the caller stands with joining: her application; for operators, how many wait",
		func(ctx context.Context, in *struct{ api.Caller }) (*api.One[join.Standing], error) {
			s, err := d.Standing(ctx, in.By())
			return answered(http.StatusOK, s, err)
		})
	api.Add(o, http.MethodPost, "/applications", "ask-to-join", tag,
		"Ask to join with an organisation: whoever signed in and belongs to none",
		func(ctx context.Context, in *application) (*api.One[join.Application], error) {
			a, err := d.Ask(ctx, in.By(), in.Body)
			return answered(http.StatusCreated, a, err)
		})
	api.Add(o, http.MethodGet, "/applications", "list-applications", tag, "Applications: all for operators, else the caller's own",
		func(ctx context.Context, in *applications) (*api.List[join.Application], error) {
			list, next, err := d.List(ctx, in.By(), in.State, in.Cursor, in.Limit)
			return api.ListOf(list, next), err
		})
	api.Add(o, http.MethodGet, "/applications/{id}", "get-application", tag, "One application",
		func(ctx context.Context, in *one) (*api.One[join.Application], error) {
			a, err := d.Get(ctx, in.By(), in.ID)
			return answered(http.StatusOK, a, err)
		})
	api.Add(o, http.MethodPost, "/applications/{id}/answer", "answer-application", tag,
		"Confirm an application, which makes the participant with the person as its member, or refuse it with a reason",
		func(ctx context.Context, in *answer) (*api.One[join.Application], error) {
			a, err := d.Answer(ctx, in.By(), in.ID, in.Body)
			return answered(http.StatusOK, a, err)
		})
	api.Add(o, http.MethodDelete, "/applications/{id}", "withdraw-asking", tag, "Withdraw an application of one's own that waits",
		func(ctx context.Context, in *one) (*api.One[join.Application], error) {
			a, err := d.Withdraw(ctx, in.By(), in.ID)
			return answered(http.StatusOK, a, err)
		})
}

// invites are about members and invitations.
func invites(o *api.Operations, d *join.Desk, public string) {
	const tag = "joining"
	api.Add(o, http.MethodGet, "/organisation", "get-organisation", tag, "The caller's organisation: members and open invitations",
		func(ctx context.Context, in *organisation) (*api.One[join.Roster], error) {
			v, err := d.Roster(ctx, in.By(), in.Participant)
			return answered(http.StatusOK, v, err)
		})
	api.Add(o, http.MethodPost, "/organisation/removals", "remove-member", tag, "Remove a member; her leases end",
		func(ctx context.Context, in *removal) (*api.One[join.Removal], error) {
			v, err := d.Remove(ctx, in.By(), in.Body)
			return answered(http.StatusOK, v, err)
		})
	api.Add(o, http.MethodPost, "/invitations", "invite", tag,
		"Make an invitation with which one person becomes a member; its secret is told once",
		func(ctx context.Context, in *invitation) (*api.One[join.NewInvitation], error) {
			v, err := d.Invite(ctx, in.By(), in.Body)
			if public != "" {
				v.Link = public + "/join/" + v.Secret
			}
			return answered(http.StatusCreated, v, err)
		})
	api.Add(o, http.MethodPost, "/invitations/look", "look-at-invitation", tag,
		"What an invitation is, for who signed in and holds its secret",
		func(ctx context.Context, in *held) (*api.One[join.Invited], error) {
			v, err := d.Look(ctx, in.By(), in.Body.Secret)
			return answered(http.StatusOK, v, err)
		})
	api.Add(o, http.MethodPost, "/invitations/accept", "accept-invitation", tag, "Become a member by an invitation, once",
		func(ctx context.Context, in *held) (*api.One[join.Invited], error) {
			v, err := d.Accept(ctx, in.By(), in.Body.Secret)
			return answered(http.StatusOK, v, err)
		})
	api.Add(o, http.MethodDelete, "/invitations/{id}", "withdraw-invitation", tag, "Withdraw an open invitation",
		func(ctx context.Context, in *one) (*api.One[join.Invitation], error) {
			v, err := d.TakeBack(ctx, in.By(), in.ID)
			return answered(http.StatusOK, v, err)
		})
}
