// Package call is the API of calls under which projects run: made by operators, asked under by projects, answered by
// the operator or whose call it is.
//
// In: operations of the API, with who calls. Out: what policy/call answers, as the API writes it. Always: an
// application is named by its call and project, of which one waits at most. It must not decide who may do what.
//
//	/calls, /calls/{id}, …/close                     made, changed, read, closed
//	/calls/{id}/applications, …/{project}            what asked under it; withdrawn
//	/calls/{id}/applications/{project}/answer        admitted or declined
package call

import (
	"context"
	"net/http"
	"strconv"

	"guichet/gateway/api"
	"guichet/policy/call"
	"guichet/schemas"
)

// put makes a call or changes one.
type put struct {
	api.Caller
	api.IfMatch
	Body call.Call
}

// many lists calls.
type many struct {
	api.Caller
	api.Paging
	State string `query:"state" doc:"planned, open, over or closed; all when left out"`
}

// one names a call.
type one struct {
	api.Caller
	ID string `path:"id"`
}

// closing closes one.
type closing struct {
	api.Caller
	ID   string `path:"id"`
	Body struct {
		Reason string `json:"reason" minLength:"3" maxLength:"4000"`
	}
}

// asking asks under one.
type asking struct {
	api.Caller
	ID   string `path:"id"`
	Body call.CandidateAsk
}

// asked lists what was asked under one.
type asked struct {
	api.Caller
	api.Paging
	ID string `path:"id"`
}

// application names what a project asked.
type application struct {
	api.Caller
	ID      string            `path:"id"`
	Project schemas.ProjectID `path:"project"`
}

// answer is the word on it.
type answer struct {
	api.Caller
	ID      string            `path:"id"`
	Project schemas.ProjectID `path:"project"`
	Body    call.CandidateAnswer
}

// Operations are those of calls.
func Operations(c *call.Calls) func(*api.Operations) {
	return func(o *api.Operations) {
		calls(o, c)
		applications(o, c)
	}
}

// answered is what an operation answers, with its revision; the status is its own.
func answered[T any](status int, v T, revision int64, err error) (*api.One[T], error) {
	if err != nil {
		return nil, err
	}
	return &api.One[T]{Status: status, ETag: strconv.Quote(strconv.FormatInt(revision, 10)), Body: v}, nil
}

const tag = "calls"

// calls are about calls themselves.
func calls(o *api.Operations, c *call.Calls) {
	api.Add(o, http.MethodPost, "/calls", "put-call", tag, "Make a call under which projects run, or change one with If-Match",
		func(ctx context.Context, in *put) (*api.One[call.Call], error) {
			revision, err := in.Revision()
			if err != nil {
				return nil, err
			}
			v, err := c.Put(ctx, in.By(), in.Body, revision)
			return answered(http.StatusCreated, v, v.Revision, err)
		})
	api.Add(o, http.MethodGet, "/calls", "list-calls", tag, "Calls under which projects run, for whoever signed in",
		func(ctx context.Context, in *many) (*api.List[call.Call], error) {
			v, next, err := c.List(ctx, in.By(), in.State, in.Cursor, in.Limit)
			return api.ListOf(v, next), err
		})
	api.Add(o, http.MethodGet, "/calls/{id}", "get-call", tag, "One call; for who answers for it, how much of its budget is used",
		func(ctx context.Context, in *one) (*api.One[call.Call], error) {
			v, err := c.Get(ctx, in.By(), in.ID)
			return answered(http.StatusOK, v, v.Revision, err)
		})
	api.Add(o, http.MethodPost, "/calls/{id}/close", "close-call", tag, "Close a call for good; the projects that it has go on",
		func(ctx context.Context, in *closing) (*api.One[call.Call], error) {
			v, err := c.Close(ctx, in.By(), in.ID, in.Body.Reason)
			return answered(http.StatusOK, v, v.Revision, err)
		})
}

// applications are about projects that ask.
func applications(o *api.Operations, c *call.Calls) {
	api.Add(o, http.MethodPost, "/calls/{id}/applications", "apply-to-call", tag, "Ask to run a project under a call, while that is open",
		func(ctx context.Context, in *asking) (*api.One[call.Candidate], error) {
			v, err := c.Apply(ctx, in.By(), in.ID, in.Body)
			return answered(http.StatusCreated, v, v.Revision, err)
		})
	api.Add(o, http.MethodGet, "/calls/{id}/applications", "list-call-applications", tag,
		"What was asked under a call: all for who answers, else by the caller's projects",
		func(ctx context.Context, in *asked) (*api.List[call.Candidate], error) {
			v, next, err := c.Applications(ctx, in.By(), in.ID, in.Cursor, in.Limit)
			return api.ListOf(v, next), err
		})
	api.Add(o, http.MethodPost, "/calls/{id}/applications/{project}/answer", "answer-call-application", tag,
		"Admit a project, which runs under the call from then on, or decline it with a reason",
		func(ctx context.Context, in *answer) (*api.One[call.Candidate], error) {
			v, err := c.Answer(ctx, in.By(), in.ID, in.Project, in.Body)
			return answered(http.StatusOK, v, v.Revision, err)
		})
	api.Add(o, http.MethodDelete, "/calls/{id}/applications/{project}", "withdraw-call-application", tag,
		"Withdraw what a project asked, while it waits",
		func(ctx context.Context, in *application) (*api.One[call.Candidate], error) {
			v, err := c.Withdraw(ctx, in.By(), in.ID, in.Project)
			return answered(http.StatusOK, v, v.Revision, err)
		})
}
