package request

import (
	"context"

	"guichet/schemas"
)

// about says who asks, for which project and where: what a holder has to know to decide.
// It is read when it is asked for, so it is as of now; what is gone is left out.
func (s *Requests) about(ctx context.Context, r *schemas.Request) (*schemas.RequestAbout, error) {
	out := &schemas.RequestAbout{}
	var err error
	out.Asker, err = s.organisation(ctx, r.By)
	if err != nil {
		return nil, err
	}
	p, err := s.parties.Project(ctx, r.Project)
	switch {
	case schemas.KindOf(err) == schemas.NotFound:
		return out, nil
	case err != nil:
		return nil, err
	}
	out.Title, out.Description, out.Until, out.Funding = p.Title, p.Description, p.Until, p.Funding
	out.Purposes = p.Purposes
	// The lead first: it answers for the project.
	for _, id := range append([]schemas.ParticipantID{p.Lead}, p.Partners...) {
		o, err := s.organisation(ctx, id)
		if err != nil {
			return nil, err
		}
		out.Partners = append(out.Partners, o)
	}
	f, err := s.parties.Factory(ctx, r.Factory)
	if schemas.KindOf(err) == schemas.NotFound {
		return out, nil
	}
	out.Place = &schemas.RequestPlace{ID: f.ID, Name: f.Name, Country: f.Country, Proven: len(f.Egress) > 0, Secure: f.Secure}
	return out, err
}

// organisation is what others may read of a participant.
func (s *Requests) organisation(ctx context.Context, id schemas.ParticipantID) (schemas.Organisation, error) {
	p, err := s.parties.Participant(ctx, id)
	if schemas.KindOf(err) == schemas.NotFound {
		return schemas.Organisation{ID: id}, nil
	}
	return schemas.Organisation{ID: id, Name: p.Name, Country: p.Country, Kind: p.Kind}, err
}
