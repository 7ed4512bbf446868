package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"guichet/schemas"
)

// decisionPost asks what a request would come to.
type decisionPost struct {
	Caller
	Body schemas.Ask
}

// askBody is what a trainer sends; the rest of a Request is ours.
type askBody struct {
	Project schemas.ProjectID `json:"project"`
	Purpose string            `json:"purpose,omitempty" doc:"id or IRI; the project's when it has one only"`
	Factory schemas.FactoryID `json:"factory,omitempty"`
	Action  string            `json:"action,omitempty" doc:"use, read or train; when left out what the purpose does with data: train for train-model, else use"`
	Until   time.Time         `json:"until,omitzero"`
	Answers map[string]string `json:"answers,omitempty"`
	Message string            `json:"message,omitempty" doc:"a word to who reviews it" maxLength:"4000"`
	Contact string            `json:"contact,omitempty" doc:"whom to ask back: an address of mail or a URL" maxLength:"320"`
	Items   []askedItem       `json:"items" minItems:"1" maxItems:"100"`
}

// askedItem is a dataset that is asked for, as the body names it.
type askedItem struct {
	Dataset schemas.DatasetID `json:"dataset"`
	Columns []string          `json:"columns,omitempty"`
	Rows    int64             `json:"rows,omitempty" minimum:"0"`
}

// requestPost asks for datasets of one project together.
type requestPost struct {
	Caller
	Check bool `query:"check" doc:"ask for nothing: say what would be, and what is wrong with it"`
	Body  askBody
}

// requestList asks for requests, also those that wait for the caller.
type requestList struct {
	Caller
	Paging
	State schemas.RequestState `query:"state" enum:",pending,granted,refused,withdrawn"`
}

// requestID names a request in a path.
type requestID struct {
	Caller
	ID schemas.RequestID `path:"id"`
}

// reviewPost answers what waits for the caller.
type reviewPost struct {
	Caller
	ID   schemas.RequestID `path:"id"`
	Body struct {
		Decision string `json:"decision" enum:"grant,refuse"`
		Reason   string `json:"reason" minLength:"3" maxLength:"4000"`
	}
}

// requests are what trainers ask and holders answer.
func (s *server) requests(a huma.API) {
	op(s, a, operation{http.MethodPost, "/decisions", "dry-run", "requests",
		"Would this be allowed, which rule says so, what would change it"},
		func(ctx context.Context, in *decisionPost) (*One[schemas.Decision], error) {
			d, err := s.Requests.DryRun(ctx, in.by, in.Body)
			return oneOr(d, 0, err)
		})
	op(s, a, operation{http.MethodPost, "/requests", "submit-request", "requests",
		"Ask for datasets; a refused request is an answer, not an error"},
		func(ctx context.Context, in *requestPost) (*One[schemas.Request], error) {
			b := in.Body
			r := schemas.Request{
				Project: b.Project, Purpose: b.Purpose, Factory: b.Factory, Action: b.Action, Until: b.Until, Answers: b.Answers,
				Message: b.Message, Contact: b.Contact,
			}
			for _, it := range b.Items {
				r.Items = append(r.Items, schemas.RequestItem{Dataset: it.Dataset, Columns: it.Columns, Rows: it.Rows})
			}
			if in.Check {
				r, err := s.Requests.Check(ctx, in.by, r)
				return &One[schemas.Request]{Status: http.StatusOK, Body: r}, err
			}
			r, err := s.Requests.Submit(ctx, in.by, r)
			if err != nil {
				return nil, err
			}
			return made(r, r.Revision, "/api/v1/requests/"+string(r.ID)), nil
		})
	op(s, a, operation{http.MethodGet, "/requests", "list-requests", "requests",
		"Requests of the caller, or that wait for the caller"}, func(ctx context.Context, in *requestList) (*List[schemas.Request], error) {
		r, next, err := s.Requests.List(ctx, in.by, in.State, in.Cursor, in.Limit)
		return listOf(r, next), err
	})
	op(s, a, operation{http.MethodGet, "/requests/{id}", "get-request", "requests",
		"One request"}, func(ctx context.Context, in *requestID) (*One[schemas.Request], error) {
		r, err := s.Requests.GetWithAsker(ctx, in.by, in.ID)
		return oneOr(r, r.Revision, err)
	})
	op(s, a, operation{http.MethodGet, "/notices/key", "get-notice-key", "requests",
		"The public key that signs calls of webhooks [Standard Webhooks v1a]"}, func(context.Context, *struct{ Caller }) (*plainText, error) {
		return text([]byte(s.NoticeKey + "\n")), nil
	})
	op(s, a, operation{http.MethodPost, "/requests/{id}/review", "review-request", "requests",
		"The holder's or access body's yes or no"}, func(ctx context.Context, in *reviewPost) (*One[schemas.Request], error) {
		r, err := s.Requests.Review(ctx, in.by, in.ID, schemas.Review{Decision: in.Body.Decision, Reason: in.Body.Reason})
		return oneOr(r, r.Revision, err)
	})
	op(s, a, operation{http.MethodPost, "/requests/{id}/withdraw", "withdraw-request", "requests",
		"Take back what of a request waits still, as who asked"}, func(ctx context.Context, in *requestID) (*One[schemas.Request], error) {
		r, err := s.Requests.Withdraw(ctx, in.by, in.ID)
		return oneOr(r, r.Revision, err)
	})
}
