package agreement

import (
	"context"
	"fmt"
	"slices"

	"guichet/policy"
	"guichet/schemas"
)

// partners gives the other partners of the project who may use the dataset under the
// agreement that an item becomes: the terms are held against each of them, as if it had
// asked itself. How many they do not admit stands among the decision's reasons, not who
// nor why: a lead names partners unasked, and is not to learn of them whom a dataset is
// visible to, what they are and whether they were stopped.
func (d *Desk) partners(ctx context.Context, f policy.Facts, r *schemas.Request, it *schemas.RequestItem, b basis) ([]schemas.ParticipantID, error) {
	var out []schemas.ParticipantID
	refused := 0
	for _, p := range append([]schemas.ParticipantID{f.Project.Lead}, f.Project.Partners...) {
		if p == r.By || slices.Contains(out, p) {
			continue
		}
		why, err := d.unfit(ctx, p, r, it, b)
		if err != nil {
			return nil, err
		}
		if why == "" {
			out = append(out, p)
			continue
		}
		refused++
	}
	if refused > 0 {
		text := fmt.Sprintf("%d partners of the project are not admitted", refused)
		if refused == 1 {
			text = "1 partner of the project is not admitted"
		}
		it.Decision.Reasons = append(it.Decision.Reasons, schemas.Reason{Rule: "request.partners", Source: "the terms of the dataset",
			Text: text, Remedy: "a partner that asks for itself is told why; or the provider admits it"})
	}
	return out, nil
}

// unfit says why a partner may not use what another one asks for; "" is that it may. A
// review covers the partners too: the reviewer sees the project.
func (d *Desk) unfit(ctx context.Context, partner schemas.ParticipantID, r *schemas.Request, it *schemas.RequestItem, b basis) (string, error) {
	asker := schemas.Principal{Subject: "partner", Participant: partner, Roles: []schemas.Role{schemas.RoleTrainer}}
	ds, err := d.catalogue.Get(ctx, policy.SightOf(asker), it.Dataset)
	if schemas.KindOf(err) == schemas.NotFound {
		return "the dataset is not visible to it", nil
	}
	if err != nil {
		return "", err
	}
	b.on("dataset", string(ds.ID), ds.Revision)
	f, err := d.Facts(ctx, asker, r.Project, r.Purpose, r.Factory)
	if err != nil {
		return "", err
	}
	b.facts(partner, f)
	f.Action = r.Action
	decisions, err := d.Decide(ctx, f, []*schemas.Dataset{&ds})
	if err != nil {
		return "", err
	}
	switch dec := decisions[0]; dec.Verdict {
	case schemas.VerdictYes:
		return "", nil
	case schemas.VerdictReview:
		if it.Decision.Reviewer != "" {
			return "", nil
		}
		return "its use has to be reviewed", nil
	default:
		if len(dec.Reasons) > 0 {
			return dec.Reasons[0].Text, nil
		}
		return "no rule permits it", nil
	}
}
