package api

import (
	"context"

	"guichet/catalog"
	"guichet/gateway/api/body"
	"guichet/policy/trial"
	"guichet/schemas"
)

// offerTry asks what terms would come to, at a place.
type offerTry struct {
	Caller
	ID      schemas.DatasetID `path:"id"`
	Factory schemas.FactoryID `query:"factory" doc:"a registered factory at which the data would be used"`
	Country string            `query:"country" doc:"of who would ask, and of the place where no factory is named: ISO 3166-1 alpha-2"`
	Secure  bool              `query:"secure" doc:"where no factory is named: a secure processing environment"`
	Call    string            `query:"call" doc:"the call under which the projects of who would ask run"`
	Body    body.OfferBody
}

// tryOffer says who could use a dataset under terms before they are set.
func (s *server) tryOffer(ctx context.Context, in *offerTry) (*One[trial.Tried], error) {
	put := &offerPut{Caller: in.Caller, ID: in.ID, Body: in.Body}
	o, err := s.offer(ctx, put)
	if err == nil {
		err = s.terms(ctx, put, &o)
	}
	if err != nil {
		return nil, err
	}
	d, err := s.Catalog.Own(ctx, in.by, in.ID)
	if err == nil && d.Withdrawn {
		err = catalog.WithdrawnError(in.ID)
	}
	if err != nil {
		return nil, err
	}
	at := trial.Place{Country: in.Country, Factory: schemas.Factory{Country: in.Country, Secure: in.Secure}}
	if in.Factory != "" {
		at.Factory, err = s.Parties.Factory(ctx, in.Factory)
		if schemas.KindOf(err) == schemas.NotFound {
			err = schemas.BadField("offer", "factory", "there is no factory %q", in.Factory)
		}
		if err != nil {
			return nil, err
		}
	}
	if in.Call != "" {
		known, err := s.Parties.HasCall(ctx, in.Call)
		if err == nil && !known {
			err = schemas.BadField("offer", "call", "there is no call %q", in.Call)
		}
		if err != nil {
			return nil, err
		}
		at.Call = in.Call
	}
	d.Offer = &o
	tried, err := s.trials.Of(ctx, in.by, &d, at, s.Now())
	return oneOr(tried, 0, err)
}
